/// A phase of a build, in the order in which they come.
package enum Phase: String, Sendable, CaseIterable {
    case compose
    case prepare
    case boot
    case format
    case mount
    case pull
    case deploy
    case bootloader
    case check
    case publish

    /// What a person reads.
    package var title: String {
        switch self {
        case .prepare: "Preparing"
        case .boot: "Booting the bootstrap VM"
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

/// What happens to one disk, told as it happens.
package enum BuildEvent: Sendable {
    /// - Parameter commit: nil where the ref leads to none.
    case started(ref: String, commit: String?)
    /// One line that says what was chosen and why.
    case note(String)
    case phaseStarted(Phase)
    case progress(Phase, PhaseProgress)
    case phaseEnded(Phase, seconds: Double)
    /// Something that the guest was asked for is done.
    case guestStep(GuestStep)
    /// A line that a command in the guest printed.
    case guestOutput(String)
    /// The current build has this disk of the same commit and plan.
    case unchanged(commit: String)
    case finished(DiskSummary)
    case failed(BuildError)
}

/// One request to the guest, as it was answered.
package struct GuestStep: Sendable, Equatable {
    /// "pull the commit".
    package var name: String
    /// From the request to its answer, as the host sees it.
    package var seconds: Double
    /// Processor time of the guest's commands.
    package var userSeconds: Double
    package var systemSeconds: Double

    package init(name: String, seconds: Double, userSeconds: Double, systemSeconds: Double) {
        self.name = name
        self.seconds = seconds
        self.userSeconds = userSeconds
        self.systemSeconds = systemSeconds
    }
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

/// The figures of a finished disk.
package struct DiskSummary: Sendable {
    package var file: String
    /// Phases in the order they ran, seconds each.
    package var phases: [(phase: Phase, seconds: Double)]
    package var totalSeconds: Double
    /// Bytes of the disk that are allocated on the host, and what the guest sees.
    package var allocatedBytes: UInt64
    package var virtualBytes: UInt64
}

extension DiskSummary {
    init(_ record: DiskRecord) {
        file = record.file
        phases = Phase.allCases.compactMap { phase in
            record.seconds[phase.rawValue].map { (phase, $0) }
        }
        totalSeconds = record.seconds["total"] ?? 0
        allocatedBytes = record.allocatedBytes
        virtualBytes = record.virtualBytes
    }
}

/// Receives the events of one disk; from any thread.
package protocol BuildReporter: Sendable {
    func report(_ event: BuildEvent)
}
