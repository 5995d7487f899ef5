/// A phase of a build, in the order in which they come.
package enum Phase: String, Sendable, CaseIterable {
    case prepare
    case boot
    case format
    case mount
    case pull
    case deploy
    case bootloader
    case check
    case publish
    case compose

    /// What a person reads.
    package var title: String {
        switch self {
        case .prepare: "Preparing"
        case .boot: "Booting the commit's kernel"
        case .format: "Making partitions and file systems"
        case .mount: "Mounting the previous disk"
        case .pull: "Pulling the commit"
        case .deploy: "Deploying"
        case .bootloader: "Installing the boot loader"
        case .check: "Checking the disk"
        case .publish: "Publishing"
        case .compose: "Writing the disk"
        }
    }
}

/// What happens during a build, told as it happens.
package enum BuildEvent: Sendable {
    case started(build: String, target: String, commit: String)
    /// One line that says what was chosen and why.
    case note(String)
    case phaseStarted(Phase)
    case progress(Phase, PhaseProgress)
    case phaseEnded(Phase, seconds: Double)
    /// A line that a command in the guest printed.
    case guestOutput(String)
    /// The same commit and plan have been built before: nothing to do.
    case alreadyCreated(build: String, disk: String)
    case finished(BuildSummary)
}

/// How far a phase is. Totals are 0 where they are not known.
package struct PhaseProgress: Sendable, Equatable {
    package var objects: Int
    package var totalObjects: Int
    /// In bytes, as read from the repository.
    package var bytes: UInt64
    package var totalBytes: UInt64

    package init(objects: Int, totalObjects: Int, bytes: UInt64, totalBytes: UInt64) {
        self.objects = objects
        self.totalObjects = totalObjects
        self.bytes = bytes
        self.totalBytes = totalBytes
    }

    /// From 0 to 1; nil where no total is known.
    package var fraction: Double? {
        if totalBytes > 0 { return min(1, Double(bytes) / Double(totalBytes)) }
        if totalObjects > 0 { return min(1, Double(objects) / Double(totalObjects)) }
        return nil
    }
}

/// The figures at the end of a build.
package struct BuildSummary: Sendable {
    package var build: String
    package var disk: String
    /// Phases in the order they ran, seconds each.
    package var phases: [(phase: Phase, seconds: Double)]
    package var totalSeconds: Double
    /// Bytes of the disk that are allocated on the host, and what the guest sees.
    package var allocatedBytes: UInt64
    package var virtualBytes: UInt64
}

/// Receives the events of a build; from any thread, one call at a time for one build.
package protocol BuildReporter: Sendable {
    func report(_ event: BuildEvent)
}
