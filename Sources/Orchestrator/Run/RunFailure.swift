/// A disk of a run that could not be made.
struct RunFailure: Sendable {
    var target: String
    var error: BuildError

    /// What the whole run ends with: the one failure itself, or one with the exit code of the most
    /// severe, of equally severe ones the first.
    static func summary(_ failures: [RunFailure], of count: Int) -> BuildError {
        guard let first = failures.first, count > 1 else {
            return failures.first?.error ?? BuildError(.fault, "there was nothing to build")
        }
        let worst = failures.dropFirst().reduce(first) { worst, other in
            other.error.severity > worst.error.severity ? other : worst
        }
        return BuildError(
            worst.error.kind,
            "\(failures.count) of \(count) disks could not be made: "
                + failures.map(\.target).joined(separator: ", "),
            hint: "What was wrong with each is told above.",
            details: failures.map { "\($0.target): \($0.error.message)" }
        )
    }
}

extension BuildError {
    /// How far a failure reaches: a fault of ours and what the host lacks concern every disk, a wrong
    /// request only its own.
    var severity: Int {
        switch kind {
        case .usage: 0
        case .input: 1
        case .guest: 2
        case .busy: 3
        case .space: 4
        case .host: 5
        case .fault: 6
        case .interrupted: 7
        }
    }
}
