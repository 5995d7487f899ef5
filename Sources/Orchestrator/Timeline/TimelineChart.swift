/// The picture of one disk's build: phases of the host, steps of the guest and the bytes that went,
/// on one time axis, above the phases of the build before. SVG 1.1 that needs nothing else.
struct TimelineChart {
    let timeline: Timeline
    /// Of the build before, if it had this disk.
    let previous: Timeline?

    private static let width = 1000.0
    private static let left = 92.0
    private static let right = 16.0
    private static let barHeight = 28.0
    private static let gap = 14.0
    private static let graphHeight = 70.0

    /// One row: what it is called, how high it is, and what is in it, from its top on.
    private struct Row {
        var name: String
        var height: Double
        var content: (Double) -> String
    }

    private var start: Double { timeline.range?.lowerBound ?? 0 }

    /// Seconds that the axis holds.
    private var span: Double {
        let own = timeline.range.map { $0.upperBound - $0.lowerBound } ?? 0
        let before = previous?.range.map { $0.upperBound - $0.lowerBound } ?? 0
        return max(own, before, 0.001)
    }

    private func x(_ seconds: Double) -> Double {
        Self.left + seconds / span * (Self.width - Self.left - Self.right)
    }

    /// nil where nothing is known of the time.
    var svg: String? {
        guard timeline.range != nil else { return nil }
        var y = 8.0
        var body = ""
        for row in rows {
            body += text(Self.left - 10, y + row.height / 2 + 4, row.name, "end", opacity: 0.75)
            body += row.content(y)
            y += row.height + Self.gap
        }
        let grid = axis(bottom: y)
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(number(Self.width)) \
            \(number(y + 22))" role="img" font-family="system-ui, sans-serif" font-size="11" \
            fill="currentColor">
            \(grid)\(body)</svg>

            """
    }

    private var rows: [Row] {
        var rows = [
            Row(name: "host", height: Self.barHeight) { y in
                phases(timeline, y, Self.barHeight, labelled: true)
            }
        ]
        if !timeline.steps.isEmpty {
            rows.append(Row(name: "guest", height: Self.barHeight) { y in steps(y) })
        }
        if let graph = ThroughputGraph(timeline.transfers, start: start, span: span) {
            rows.append(
                Row(name: "MB/s", height: Self.graphHeight) { y in throughput(graph, y) }
            )
        }
        if let previous, previous.range != nil {
            rows.append(
                Row(name: "before", height: Self.barHeight / 2) { y in
                    phases(previous, y, Self.barHeight / 2, labelled: false)
                }
            )
        }
        return rows
    }

    private func phases(
        _ timeline: Timeline,
        _ y: Double,
        _ height: Double,
        labelled: Bool
    ) -> String {
        let start = timeline.range?.lowerBound ?? 0
        return timeline.phases.map { phase in
            bar(
                from: phase.start - start,
                phase.seconds,
                y,
                height,
                PhaseColour.of(phase.phase),
                label: labelled ? phase.phase : "",
                title: "\(phase.phase): \(ProgressText.duration(phase.seconds))"
            )
        }.joined()
    }

    /// Light for the time that a step took, dark from below for the share of it that the guest's
    /// processor worked.
    private func steps(_ y: Double) -> String {
        timeline.steps.map { step in
            let busy = step.seconds > 0 ? min(1, (step.user + step.system) / step.seconds) : 0
            let title =
                "\(step.step): \(ProgressText.duration(step.seconds)) "
                + "(user \(ProgressText.duration(step.user)), "
                + "system \(ProgressText.duration(step.system)))"
            let from = step.start - start
            let height = Self.barHeight * busy
            return bar(
                from: from,
                step.seconds,
                y,
                Self.barHeight,
                "#b9c3cf",
                label: "",
                title: title
            )
                + bar(
                    from: from,
                    step.seconds,
                    y + Self.barHeight - height,
                    height,
                    "#6f8193",
                    label: "",
                    title: title
                )
                + label(step.step, from: from, step.seconds, y, Self.barHeight)
        }.joined()
    }

    private func throughput(_ graph: ThroughputGraph, _ y: Double) -> String {
        let bottom = y + Self.graphHeight
        var path = "M\(number(x(0))) \(number(bottom))"
        for (index, rate) in graph.rates.enumerated() {
            let height = Self.graphHeight * rate / graph.peak
            let seconds = graph.step * Double(index)
            path += "L\(number(x(seconds))) \(number(bottom - height))"
            path += "L\(number(x(seconds + graph.step))) \(number(bottom - height))"
        }
        path += "L\(number(x(span))) \(number(bottom))Z"
        let line =
            "<line x1=\"\(number(Self.left))\" x2=\"\(number(Self.width - Self.right))\" "
            + "y1=\"\(number(bottom))\" y2=\"\(number(bottom))\" stroke=\"currentColor\" "
            + "stroke-opacity=\"0.3\"/>\n"
        let peak = "peak \(ProgressText.fixed(graph.peak / 1e6, digits: 0))"
        return line
            + "<path d=\"\(path)\" fill=\"#3b8fc4\" fill-opacity=\"0.55\"/>\n"
            + text(Self.left - 10, y + Self.graphHeight / 2 + 18, peak, "end", opacity: 0.75)
    }

    private func axis(bottom: Double) -> String {
        let step = Self.tick(for: span)
        var result = ""
        var seconds = 0.0
        while seconds <= span {
            let x = number(x(seconds))
            result +=
                "<line x1=\"\(x)\" x2=\"\(x)\" y1=\"4\" y2=\"\(number(bottom - 4))\" "
                + "stroke=\"currentColor\" stroke-opacity=\"0.12\"/>\n"
            let label = ProgressText.fixed(seconds, digits: step < 1 ? 1 : 0) + " s"
            result += text(self.x(seconds), bottom + 10, label, "middle", opacity: 0.75)
            seconds += step
        }
        return result
    }

    /// A round distance that gives some six to twelve ticks.
    static func tick(for span: Double) -> Double {
        var unit = 0.1
        while true {
            for factor in [1.0, 2, 5] where span / (unit * factor) <= 12 { return unit * factor }
            unit *= 10
        }
    }

    // MARK: Shapes

    private func bar(
        from start: Double,
        _ seconds: Double,
        _ y: Double,
        _ height: Double,
        _ colour: String,
        label: String,
        title: String
    ) -> String {
        // What is too short to be seen is shown as a hairline.
        let width = max(0.8, x(start + seconds) - x(start) - 0.6)
        return "<rect x=\"\(number(x(start)))\" y=\"\(number(y))\" width=\"\(number(width))\" "
            + "height=\"\(number(height))\" rx=\"1.5\" fill=\"\(colour)\">"
            + "<title>\(Markup.escaped(title))</title></rect>\n"
            + self.label(label, from: start, seconds, y, height)
    }

    /// Written into a bar, cut to what fits; nothing where hardly anything does.
    private func label(
        _ label: String,
        from start: Double,
        _ seconds: Double,
        _ y: Double,
        _ height: Double
    ) -> String {
        let room = Int((x(start + seconds) - x(start) - 8) / 6.5)
        guard !label.isEmpty, room >= min(4, label.count) else { return "" }
        let shown = label.count <= room ? label : label.prefix(room - 1) + "…"
        return text(x(start) + 5, y + height / 2 + 4, String(shown), "start", colour: "#101418")
    }

    private func text(
        _ x: Double,
        _ y: Double,
        _ text: String,
        _ anchor: String,
        colour: String? = nil,
        opacity: Double = 1
    ) -> String {
        let fill = colour.map { " fill=\"\($0)\"" } ?? ""
        let faint = opacity < 1 ? " fill-opacity=\"\(number(opacity))\"" : ""
        return
            "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\"\(fill)\(faint) "
            + "pointer-events=\"none\">\(Markup.escaped(text))</text>\n"
    }

    private func number(_ value: Double) -> String { ProgressText.fixed(value, digits: 2) }
}

/// Bytes a second over time, in equal steps.
struct ThroughputGraph: Equatable {
    private static let steps = 150

    /// Seconds of one step.
    let step: Double
    private(set) var rates: [Double]

    var peak: Double { rates.max() ?? 0 }

    /// nil where no bytes went.
    init?(_ transfers: [Timeline.Transfer], start: Double, span: Double) {
        step = span / Double(Self.steps)
        var bytes = [Double](repeating: 0, count: Self.steps)
        for transfer in transfers {
            let from = max(0, transfer.start - start)
            let to = min(span, max(transfer.end - start, from + 1e-6))
            guard to > from else { continue }
            // Each step gets its share of what went while it lasted.
            let last = min(Self.steps - 1, Int(to / step))
            for index in min(last, Int(from / step))...last {
                let overlap = min(to, step * Double(index + 1)) - max(from, step * Double(index))
                bytes[index] += transfer.bytes * max(0, overlap) / (to - from)
            }
        }
        let step = step
        rates = bytes.map { $0 / step }
        guard peak > 0 else { return nil }
    }
}

/// A colour for each phase, far enough apart for most eyes, and light enough for dark letters.
enum PhaseColour {
    private static let colours = [
        "compose": "#5fb3e6", "prepare": "#d9c36a", "boot": "#e8a86b", "format": "#c9a3d4",
        "mount": "#c9a3d4", "pull": "#5fb3e6", "deploy": "#6cc08b", "bootloader": "#b0b96b",
        "check": "#e58f8f", "publish": "#9fb0c3",
    ]

    static func of(_ phase: String) -> String { colours[phase] ?? "#bbbbbb" }
}

enum Markup {
    /// For text and attributes of HTML and XML.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            // No other control character may stand in XML.
            case let control where control.value < 0x20 && control != "\n" && control != "\t": break
            case let other: result.unicodeScalars.append(other)
            }
        }
        return result
    }
}
