/// The table at the end of a run.
package enum RunTable {
    package enum Outcome: Sendable {
        case made(DiskSummary)
        case unchanged
        case failed
    }

    /// What became of a disk.
    package struct Row: Sendable {
        var target: String
        var outcome: Outcome
    }

    /// - Parameter seconds: of the whole run.
    package static func lines(
        _ disks: [Row],
        _ build: String,
        _ seconds: Double
    ) -> [String] {
        if disks.count == 1, case .made(let summary) = disks[0].outcome {
            return phases(summary, seconds) + ["", "\(build): \(sizes(summary))"]
        }
        let names = TargetNames(disks.map(\.target))
        var lines = [""]
        for disk in disks {
            let text =
                switch disk.outcome {
                case .made(let summary):
                    "\(right(ProgressText.duration(summary.totalSeconds), 12))   \(sizes(summary))"
                case .unchanged: right("unchanged", 12)
                case .failed: right("failed", 12)
                }
            lines.append("  \(names.padded(disk.target))\(text)")
        }
        lines.append("")
        lines.append("\(build): \(ProgressText.duration(seconds))")
        return lines
    }

    private static func phases(_ summary: DiskSummary, _ seconds: Double) -> [String] {
        let rows = summary.phases.map { ($0.phase.title, $0.seconds) } + [("Total", seconds)]
        let width = rows.map(\.0.count).max() ?? 0
        return ["", "Seconds per phase"]
            + rows.map { name, seconds in
                let padding = String(repeating: " ", count: width - name.count)
                return "  \(name)\(padding)\(right(ProgressText.fixed(seconds, digits: 1), 8))"
            }
    }

    private static func sizes(_ summary: DiskSummary) -> String {
        "\(ProgressText.megabytes(summary.allocatedBytes)) MB on the host, "
            + "\(ProgressText.megabytes(summary.virtualBytes)) MB for the guest"
    }

    private static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
