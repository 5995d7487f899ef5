import SystemIO

/// Which accelerators a choice means on this host: those that are worth a start, best first, and why
/// those before them are not.
struct AcceleratorSelection {
    /// Why an accelerator need not even be started.
    struct Obstacle {
        /// `.usage` where it is the user's wish that it cannot fulfil.
        var kind: BuildError.Kind = .host
        var reason: String
        /// What the user can do about it, if that is more than to take another one.
        var hint: String?
    }

    /// What is known of an accelerator before it is started.
    protocol Knowledge {
        func obstacle(_ accelerator: Accelerator) -> Obstacle?
        /// Of an earlier start; nil where there was none, or none counts.
        func verdict(_ accelerator: Accelerator) -> AcceleratorVerdicts.Verdict?
        func remember(_ verdict: AcceleratorVerdicts.Verdict, of accelerator: Accelerator)
    }

    private let isAutomatic: Bool
    private let knowledge: any Knowledge
    /// Never empty.
    private(set) var candidates: [Accelerator]
    /// In the order in which they were considered.
    private(set) var passedOver: [(accelerator: Accelerator, reason: String)] = []
    /// Of these, the ones that were started.
    private var failures: [(accelerator: Accelerator, reason: String)] = []

    /// - Parameter candidates: of the choice, best first; nil means those for the bootstrap VM.
    /// - Throws: what is in the way of the one that was asked for, or of the last one.
    init(
        _ choice: AcceleratorChoice,
        _ knowledge: any Knowledge,
        candidates given: [Accelerator]? = nil
    ) throws(BuildError) {
        isAutomatic = choice == .auto
        self.knowledge = knowledge
        candidates = given ?? choice.candidates
        guard let obstacle = skipObstructed() else { return }
        throw BuildError(
            obstacle.kind,
            "\(candidates[0].title) cannot be used: \(obstacle.reason)",
            hint: obstacle.hint ?? Self.hint,
            details: passedOver.map { "No \($0.accelerator.title): \($0.reason)" }
        )
    }

    private static let hint =
        "--accel tcg works everywhere, and is slower; `builddisks doctor` says more."

    /// One that was asked for is tried again, whatever happened before.
    private func obstacle(to accelerator: Accelerator) -> Obstacle? {
        if let obstacle = knowledge.obstacle(accelerator) { return obstacle }
        guard isAutomatic, case .fails(let reason)? = knowledge.verdict(accelerator) else {
            return nil
        }
        return Obstacle(reason: reason)
    }

    /// Makes the first one that is worth a start the best.
    /// - Returns: what is in the way of the last one, where none is.
    private mutating func skipObstructed() -> Obstacle? {
        while let obstacle = obstacle(to: candidates[0]) {
            if candidates.count == 1 { return obstacle }
            passedOver.append((candidates.removeFirst(), obstacle.reason))
        }
        return nil
    }

    /// Goes on to the next one that is worth a start.
    /// - Returns: false where there is none; then nothing has changed.
    private mutating func passOver(_ reason: String) -> Bool {
        if candidates.count == 1 { return false }
        var next = self
        next.passedOver.append((next.candidates.removeFirst(), reason))
        guard next.skipObstructed() == nil else { return false }
        self = next
        return true
    }

    /// One line that says which it is, and why no better one.
    var description: String {
        let outcome =
            switch candidates[0] {
            case .kvm: "KVM runs the guest."
            case .uml: "User-mode Linux runs the guest."
            case .tcg: "the guest is emulated (TCG)."
            }
        let others = passedOver.enumerated().map { index, other in
            "\(index == 0 ? "No" : "no") \(other.accelerator.title) (\(other.reason))"
        }
        return others.isEmpty ? outcome : others.joined(separator: ", ") + ": " + outcome
    }

    /// The first candidate for which `body` succeeds is from then on the best.
    mutating func best<Value>(
        _ body: (Accelerator) throws(BuildError) -> Value
    ) throws(BuildError) -> Value {
        while true {
            do throws(BuildError) {
                return try body(candidates[0])
            } catch {
                // Room lacks for all of them.
                if error.isInterruption || error.kind == .space
                    || !passOver(Self.reason(candidates[0], error))
                {
                    throw error
                }
            }
        }
    }

    /// Starts the best one, which proves it. Its verdict is remembered; a bad one only when another
    /// works: until then the commit may be to blame.
    /// - Parameter note: hears in one line which it is and why, where the choice was ours.
    /// - Returns: nil when it failed and another is the best now.
    mutating func start<Value>(
        note: (String) -> Void,
        _ body: (Accelerator) throws(BuildError) -> Value
    ) throws(BuildError) -> Value? {
        let accelerator = candidates[0]
        do throws(BuildError) {
            let value = try body(accelerator)
            if isAutomatic { note(description) }
            for (accelerator, reason) in failures {
                knowledge.remember(.fails(reason), of: accelerator)
            }
            knowledge.remember(.works, of: accelerator)
            return value
        } catch {
            // Another one would have the same disk or commit.
            if error.isInterruption || error.kind == .input { throw error }
            let reason = Self.reason(accelerator, error)
            guard passOver(reason) else {
                throw isAutomatic ? error : Self.refusal(accelerator, error)
            }
            failures.append((accelerator, reason))
            return nil
        }
    }

    /// In a few words: QEMU's own where it complained of KVM.
    private static func reason(_ accelerator: Accelerator, _ error: BuildError) -> String {
        accelerator == .kvm ? error.details.first ?? error.message : error.message
    }

    private static func refusal(_ accelerator: Accelerator, _ error: BuildError) -> BuildError {
        guard accelerator != .tcg, error.kind == .host || error.kind == .guest else { return error }
        return BuildError(
            .host,
            "\(accelerator.title) does not work here: \(reason(accelerator, error))",
            hint: hint,
            details: error.details
        )
    }
}
