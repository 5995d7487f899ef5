import NinePGuest

/// One workload in one cache mode: what each round took on either device.
struct GuestComparison {
    let workload: GuestTask.Workload
    let cache: String
    var ours: [GuestFigures] = []
    var theirs: [GuestFigures] = []

    init(workload: GuestTask.Workload, cache: String) {
        self.workload = workload
        self.cache = cache
    }

    /// Of each round's pair: how much faster ours was.
    var ratios: [Double] {
        zip(ours, theirs).map { Double($1.nanoseconds) / Double($0.nanoseconds) }
    }

    /// For the impatient.
    var line: String {
        let pairs = ratios.map { decimal($0, places: 2) }.joined(separator: " ")
        return "\(workload) cache=\(cache): \(text(ours)) against \(text(theirs)): \(pairs)"
    }

    /// The median round, in MB/s or operations a second.
    func text(_ figures: [GuestFigures]) -> String {
        switch workload {
        case .sequential: "\(Int(median(figures) { $0.megabytesPerSecond })) MB/s"
        case .list: "\(Int(median(figures) { $0.operationsPerSecond })) entries/s"
        case .files: "\(Int(median(figures) { $0.operationsPerSecond })) files/s"
        }
    }

    func median(_ figures: [GuestFigures], _ value: (GuestFigures) -> Double) -> Double {
        Self.median(figures.map(value))
    }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    }
}

extension GuestFigures {
    var seconds: Double { Double(nanoseconds) * 1e-9 }
    var operationsPerSecond: Double { Double(operations) / seconds }
    var megabytesPerSecond: Double { Double(bytes) * 1e-6 / seconds }
    /// Processors of the guest that were busy, on average.
    var busyShare: Double { Double(busyNanoseconds) / Double(nanoseconds) }
    var interruptsPerOperation: Double { Double(interrupts) / Double(operations) }
}

/// The figures as Markdown.
struct GuestTable {
    private let comparisons: [GuestComparison]
    private let rounds: Int
    private let processors: Int

    init(_ comparisons: [GuestComparison], rounds: Int, processors: Int) {
        self.comparisons = comparisons
        self.rounds = rounds
        self.processors = processors
    }

    var markdown: String {
        var text = """
            | workload | cache | ours | virtio-9p | ratio | of the rounds | guest busy, ours | virtio-9p |
            |---|---|---|---|---|---|---|---|

            """
        for comparison in comparisons { text += line(comparison) }
        let processors = processors == 1 ? "one processor" : "\(processors) processors"
        return text + """

            Median of \(rounds) rounds, in which both took turns, in one boot of a guest with \
            \(processors). "Ratio" is ours to virtio-9p, the median of the rounds'; "busy" \
            is how much of the time the guest's processors were.

            """
    }

    private func line(_ comparison: GuestComparison) -> String {
        let ratios = comparison.ratios.sorted()
        func busy(_ figures: [GuestFigures]) -> String {
            let share = comparison.median(figures) { $0.busyShare } / Double(processors)
            return "\(Int((share * 100).rounded())) %"
        }
        let cells = [
            "\(comparison.workload)", comparison.cache,
            comparison.text(comparison.ours), comparison.text(comparison.theirs),
            "× " + decimal(GuestComparison.median(ratios), places: 2),
            "\(decimal(ratios.first ?? 0, places: 2)) to \(decimal(ratios.last ?? 0, places: 2))",
            busy(comparison.ours), busy(comparison.theirs),
        ]
        return "| " + cells.joined(separator: " | ") + " |\n"
    }
}
