import NinePGuest

/// One workload in one cache mode: what each round took on either device.
struct GuestComparison {
    let workload: GuestTask.Workload
    let cache: String
    var ours: [HostedFigures] = []
    var theirs: [HostedFigures] = []

    init(workload: GuestTask.Workload, cache: String) {
        self.workload = workload
        self.cache = cache
    }

    /// Of each round's pair: how much faster ours was.
    var ratios: [Double] {
        zip(ours, theirs).map { $1.seconds / $0.seconds }
    }

    /// Of each round's pair: what ours took of the host's processors, as a part of the other's.
    var costRatios: [Double] {
        zip(ours, theirs).map { $0.processorSeconds / $1.processorSeconds }
    }

    /// For the impatient.
    var line: String {
        let pairs = ratios.map { decimal($0, places: 2) }.joined(separator: " ")
        let costs = costRatios.map { decimal($0, places: 2) }.joined(separator: " ")
        return """
            \(workload) cache=\(cache): \(text(ours)) against \(text(theirs)): speed \(pairs); \
            CPU \(cost(ours)) against \(cost(theirs)): \(costs)
            """
    }

    /// The median round, in MB/s or operations a second.
    func text(_ figures: [HostedFigures]) -> String {
        switch workload {
        case .sequential: "\(Int(median(figures) { $0.megabytesPerSecond })) MB/s"
        case .list: "\(Int(median(figures) { $0.operationsPerSecond })) entries/s"
        case .files: "\(Int(median(figures) { $0.operationsPerSecond })) files/s"
        }
    }

    /// Of the host's processors, QEMU's and the server's work together; the median round.
    func cost(_ figures: [HostedFigures]) -> String {
        switch workload {
        case .sequential:
            let milliseconds = median(figures) {
                $0.processorSeconds / Double($0.guest.bytes) * 1e9
            }
            return decimal(milliseconds, places: 2) + " ms/MB"
        case .list, .files:
            let microseconds = median(figures) {
                $0.processorSeconds / Double($0.guest.operations) * 1e6
            }
            return "\(Int(microseconds)) µs"
        }
    }

    func median(_ figures: [HostedFigures], _ value: (HostedFigures) -> Double) -> Double {
        figures.map(value).median
    }
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
            | workload | cache | ours | virtio-9p | speed | of the rounds | CPU, ours | virtio-9p | CPU \
            | guest busy, ours | virtio-9p | ours allocates |
            |---|---|---|---|---|---|---|---|---|---|---|---|

            """
        for comparison in comparisons { text += line(comparison) }
        let processors = processors == 1 ? "one processor" : "\(processors) processors"
        return text + """

            Median of \(rounds) rounds, in which both took turns, in one boot of a guest with \
            \(processors). "Speed" and "CPU" are ratios of ours to virtio-9p, the median of the \
            rounds'. CPU is what QEMU, the guest in it and our server used of the host's \
            processors, for an entry or a file; "busy" is how much of the time the guest's own were; \
            "allocates" is how often our server does for a message.

            """
    }

    private func line(_ comparison: GuestComparison) -> String {
        let ratios = comparison.ratios.sorted()
        func busy(_ figures: [HostedFigures]) -> String {
            let share = comparison.median(figures) { $0.busyShare } / Double(processors)
            return "\(Int((share * 100).rounded())) %"
        }
        let cells = [
            "\(comparison.workload)", comparison.cache,
            comparison.text(comparison.ours), comparison.text(comparison.theirs),
            "× " + decimal(ratios.median, places: 2),
            "\(decimal(ratios.first ?? 0, places: 2)) to \(decimal(ratios.last ?? 0, places: 2))",
            comparison.cost(comparison.ours), comparison.cost(comparison.theirs),
            "× " + decimal(comparison.costRatios.median, places: 2),
            busy(comparison.ours), busy(comparison.theirs),
            decimal(comparison.median(comparison.ours) { $0.allocationsPerMessage }, places: 3),
        ]
        return "| " + cells.joined(separator: " | ") + " |\n"
    }
}
