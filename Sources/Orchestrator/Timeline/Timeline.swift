/// When everything was that a disk's build did; times in seconds from the run's start.
package struct Timeline: Sendable, Equatable, Decodable {
    /// A phase, on the host's clock. A phase may come in two parts.
    struct Span: Sendable, Equatable, Decodable {
        var phase: String
        var start: Double
        var seconds: Double
    }

    /// A request to the guest, and the processor time of its commands there.
    struct Step: Sendable, Equatable, Decodable {
        var step: String
        var start: Double
        var seconds: Double
        var user: Double
        var system: Double
    }

    /// So many bytes went from `start` to `end`.
    struct Transfer: Sendable, Equatable {
        var start: Double
        var end: Double
        var bytes: Double
    }

    var phases: [Span] = []
    var steps: [Step] = []
    /// For the picture only; not kept in the record.
    var transfers: [Transfer] = []

    private enum CodingKeys: String, CodingKey { case phases, steps }

    /// When it began and ended; nil where nothing is known.
    var range: ClosedRange<Double>? {
        guard let start = phases.map(\.start).min(),
            let end = phases.map({ $0.start + $0.seconds }).max(), end > start
        else { return nil }
        return start...end
    }

    var json: JSONValue {
        .object([
            (
                "phases",
                .array(
                    phases.map {
                        .object([
                            ("phase", .string($0.phase)), ("start", .number($0.start)),
                            ("seconds", .number($0.seconds)),
                        ])
                    }
                )
            ),
            (
                "steps",
                .array(
                    steps.map {
                        .object([
                            ("step", .string($0.step)), ("start", .number($0.start)),
                            ("seconds", .number($0.seconds)), ("user", .number($0.user)),
                            ("system", .number($0.system)),
                        ])
                    }
                )
            ),
        ])
    }
}
