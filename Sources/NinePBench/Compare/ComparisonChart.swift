/// The ratios to diod as bars: speed on the left, where long is good, and processor time on the
/// right, where short is.
struct ComparisonChart {
    private static let barHeight = 14
    private static let gap = 18
    private static let labelWidth = 130
    private static let panelWidth = 300
    private static let colors = ["#9aa5b1", "#2f6fb3", "#7fb3e6"]

    private let comparisons: [Comparison]

    init(_ comparisons: [Comparison]) { self.comparisons = comparisons }

    var svg: String {
        let top = 64
        let rows = comparisons.map(\.rows.count).reduce(0, +)
        let height = top + rows * Self.barHeight + comparisons.count * Self.gap + 30
        let width = Self.labelWidth + 2 * Self.panelWidth + 60
        var body = title(0, "Throughput, diod = 1 (long is good)")
        body += title(1, "Server's CPU, diod = 1 (short is good)")
        body += legend(y: 44)
        var y = top
        for comparison in comparisons {
            body += text(
                Self.labelWidth - 8,
                y + comparison.rows.count * Self.barHeight / 2 + 4,
                comparison.workload.name,
                anchor: "end"
            )
            for (index, row) in comparison.rows.enumerated() {
                body += bar(0, y, row.speedRatio, of: largest(\.speedRatio), index)
                body += bar(1, y, row.costRatio, of: largest(\.costRatio), index)
                y += Self.barHeight
            }
            y += Self.gap
        }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" \
            viewBox="0 0 \(width) \(height)" font-family="sans-serif" font-size="12">
            <rect width="100%" height="100%" fill="white"/>
            \(body)</svg>

            """
    }

    private func largest(_ figure: (Comparison.Row) -> Double) -> Double {
        comparisons.flatMap(\.rows).map(figure).reduce(1, max)
    }

    private func x(_ panel: Int) -> Int { Self.labelWidth + panel * (Self.panelWidth + 30) }

    private func title(_ panel: Int, _ words: String) -> String {
        text(x(panel), 20, words, weight: "bold")
    }

    private func legend(y: Int) -> String {
        var result = ""
        for (index, row) in (comparisons.first?.rows ?? []).enumerated() {
            let left = x(0) + index * 150
            result += """
                <rect x="\(left)" y="\(y - 10)" width="12" height="10" \
                fill="\(Self.colors[index % 3])"/>

                """
            result += text(left + 16, y, row.name)
        }
        return result
    }

    private func bar(
        _ panel: Int,
        _ y: Int,
        _ value: Double,
        of largest: Double,
        _ index: Int
    ) -> String {
        let width = Int(value / largest * Double(Self.panelWidth - 60))
        return """
            <rect x="\(x(panel))" y="\(y)" width="\(width)" height="\(Self.barHeight - 2)" \
            fill="\(Self.colors[index % 3])"/>

            """
                + text(x(panel) + width + 4, y + 10, decimal(value, places: 2), size: 10)
    }

    private func text(
        _ x: Int,
        _ y: Int,
        _ words: String,
        anchor: String = "start",
        weight: String = "normal",
        size: Int = 12
    ) -> String {
        """
        <text x="\(x)" y="\(y)" text-anchor="\(anchor)" font-weight="\(weight)" \
        font-size="\(size)">\(words)</text>

        """
    }
}
