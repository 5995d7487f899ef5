/// What happens in a run, told as it happens.
package enum RunEvent: Sendable {
    /// Work begins on these disks, so many at once.
    case started(targets: [String], jobs: Int)
    /// Of one disk.
    case disk(target: String, BuildEvent)
    /// Everything was built before: nothing to do. Paths of the disks.
    case alreadyCreated(build: String, disks: [String])
    /// `current` names the new build. Paths of the disks; seconds of the whole run.
    case published(build: String, disks: [String], seconds: Double)
    /// Old builds that retention removed.
    case removed(builds: [String])
}

/// Receives the events of a run; from any thread.
package protocol RunReporter: Sendable {
    func report(_ event: RunEvent)
}

/// The events of one disk, as those of its run.
package struct TargetReporter: BuildReporter {
    let target: String
    let sink: any RunReporter

    package func report(_ event: BuildEvent) {
        sink.report(.disk(target: target, event))
    }
}

/// For work that nobody watches.
package struct SilentReporter: BuildReporter {
    package init() {}
    package func report(_ event: BuildEvent) {}
}

/// For work of which only the notes matter.
package struct NoteReporter: BuildReporter {
    private let show: @Sendable (String) -> Void

    package init(_ show: @escaping @Sendable (String) -> Void) { self.show = show }

    package func report(_ event: BuildEvent) {
        if case .note(let text) = event { show(text) }
    }
}
