import SystemIO
import SystemPackage

/// `timeline.html`: what a build did when, for people. One file that needs no other.
struct TimelinePage {
    static let fileName = "timeline.html"

    let record: BuildRecord
    /// The build that was current before, to compare with.
    let previous: BuildRecord?

    func write(to folder: FilePath) throws(BuildError) {
        let path = folder.appending(Self.fileName)
        do throws(Errno) {
            try writeFileAtomically(path, html.utf8)
        } catch {
            throw .system(error, "cannot write", path)
        }
    }

    var html: String {
        let count = record.disks.count
        let facts =
            [
                "\(count) \(count == 1 ? "disk" : "disks") in \(ProgressText.duration(record.seconds))",
                "published \(compactTime(UInt64(clamping: record.published))) UTC",
                "builddisks \(record.versions.builddisks)",
            ]
            + (record.versions.qemu.map { ["QEMU \($0)"] } ?? [])
            + ["Linux \(record.versions.kernel)"]
            + (previous.map { ["compared with \($0.build)"] } ?? [])
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width">
            <title>\(Markup.escaped(record.build))</title>
            <style>
            \(Self.style)
            </style>
            </head>
            <body>
            <h1>\(Markup.escaped(record.build))</h1>
            <p class="facts">\(facts.map(Markup.escaped).joined(separator: " · "))</p>
            \(record.disks.map(section).joined())\(record.failed.map(section).joined())\
            </body>
            </html>

            """
    }

    private static let style = """
        :root { color-scheme: light dark; }
        body { font: 14px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; \
        padding: 0 1rem; }
        h1 { font-size: 1.4rem; margin-bottom: 0; }
        h2 { font-size: 1.1rem; margin: 2rem 0 0; }
        .facts { margin: 0 0 .8rem; opacity: .75; }
        svg { width: 100%; height: auto; display: block; }
        table { border-collapse: collapse; margin-top: .8rem; font-variant-numeric: tabular-nums; }
        th, td { padding: .1rem .9rem .1rem 0; text-align: right; font-weight: normal; }
        th:first-child { text-align: left; }
        thead th { opacity: .75; }
        tfoot th, tfoot td { border-top: 1px solid; font-weight: 600; }
        i { display: inline-block; width: .8em; height: .8em; margin-right: .5em; \
        border-radius: 2px; }
        code { font-size: .92em; }
        """

    private func section(_ disk: DiskRecord) -> String {
        let heading = "<h2>\(Markup.escaped(disk.target))</h2>\n"
        let facts =
            [
                disk.ref == disk.target ? nil : disk.ref, "commit \(disk.commit.prefix(12))",
                disk.method + (disk.accelerator.map { " (\($0))" } ?? ""), disk.layout, disk.format,
                "\(ProgressText.megabytes(disk.allocatedBytes)) MB of "
                    + "\(ProgressText.megabytes(disk.virtualBytes)) MB",
                disk.updatedFrom == nil ? nil : "an update",
            ].compactMap(\.self)
        let line = "<p class=\"facts\">\(facts.map(Markup.escaped).joined(separator: " · "))</p>\n"
        if let origin = disk.carriedFrom {
            return heading + line
                + "<p>Unchanged since build <code>\(Markup.escaped(origin))</code>.</p>\n"
        }
        // A disk that was only taken over then says nothing of time.
        let before = previous?.disk(named: disk.file)
        let chart = TimelineChart(
            timeline: disk.timeline,
            previous: before.flatMap { $0.timeline.phases.isEmpty ? nil : $0.timeline }
        )
        return heading + line + (chart.svg ?? "") + table(disk, before)
    }

    private func section(_ failure: BuildRecord.Failure) -> String {
        "<h2>\(Markup.escaped(failure.target))</h2>\n"
            + "<p>Failed (exit code \(failure.exitCode)): \(Markup.escaped(failure.message))</p>\n"
    }

    private func table(_ disk: DiskRecord, _ before: DiskRecord?) -> String {
        let head = before == nil ? "" : "<th>before</th><th>change</th>"
        let names = Phase.allCases.map(\.rawValue).filter {
            disk.seconds[$0] != nil || before?.seconds[$0] != nil
        }
        let rows = names.map { name in
            "<tr><th><i style=\"background:\(PhaseColour.of(name))\"></i>\(name)</th>"
                + cells(disk.seconds[name], before.map { $0.seconds[name] }) + "</tr>\n"
        }
        return "<table>\n<thead><tr><th>phase</th><th>seconds</th>\(head)</tr></thead>\n<tbody>\n"
            + rows.joined() + "</tbody>\n<tfoot><tr><th>total</th>"
            + cells(disk.seconds["total"], before.map { $0.seconds["total"] })
            + "</tr></tfoot>\n</table>\n"
    }

    /// - Parameter before: nil where there is nothing to compare with.
    private func cells(_ now: Double?, _ before: Double??) -> String {
        func cell(_ value: Double?) -> String {
            "<td>\(value.map { ProgressText.fixed($0, digits: 2) } ?? "–")</td>"
        }
        guard let before else { return cell(now) }
        guard let now, let old = before else { return cell(now) + cell(before) + "<td></td>" }
        let change = ProgressText.fixed(abs(now - old), digits: 2)
        let percent =
            old > 0 ? " (\(ProgressText.fixed(100 * abs(now - old) / old, digits: 0)) %)" : ""
        return cell(now) + cell(before) + "<td>\(now < old ? "−" : "+")\(change)\(percent)</td>"
    }
}
