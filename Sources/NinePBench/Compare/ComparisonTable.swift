/// The figures as Markdown.
struct ComparisonTable {
    private let comparisons: [Comparison]
    private let rounds: Int

    init(_ comparisons: [Comparison], rounds: Int) {
        self.comparisons = comparisons
        self.rounds = rounds
    }

    var markdown: String {
        var text = """
            | workload | server | MB/s | operations/s | server's CPU, µs/operation | client's CPU \
            | speed | CPU |
            |---|---|---|---|---|---|---|---|

            """
        for comparison in comparisons {
            for row in comparison.rows { text += line(comparison, row) }
        }
        return text + """

            Of \(rounds) rounds, in each of which all servers took turns: throughput is the fastest \
            round's, processor time the median. "speed" and "CPU" are ratios to diod (CPU per \
            operation; per byte for sequential reads).

            """
    }

    private func line(_ comparison: Comparison, _ row: Comparison.Row) -> String {
        let kind = comparison.isSynchronous ? ", one at a time" : ""
        let bytes = row.largest(\.bytesPerSecond)
        let cells = [
            comparison.workload.name + kind,
            row.name,
            comparison.workload.readsData ? "\(Int(bytes / 1e6))" : "",
            "\(Int(row.largest(\.operationsPerSecond)))",
            decimal(row.median(\.serverSecondsPerOperation) * 1e6, places: 1),
            "\(Int((row.median(\.clientShare) * 100).rounded())) %",
            "× " + decimal(row.speedRatio, places: 2),
            "× " + decimal(row.costRatio, places: 2),
        ]
        return "| " + cells.joined(separator: " | ") + " |\n"
    }
}

extension Workload {
    var readsData: Bool {
        switch self {
        case .sequential, .smallFiles: true
        case .walkAndStat, .listing: false
        }
    }
}

/// A number with so many digits after the point.
func decimal(_ value: Double, places: Int) -> String {
    var scale = 1
    for _ in 0..<places { scale *= 10 }
    let number = Int((value * Double(scale)).rounded())
    if places == 0 { return "\(number)" }
    let fraction = String(number % scale)
    return "\(number / scale)." + String(repeating: "0", count: places - fraction.count) + fraction
}
