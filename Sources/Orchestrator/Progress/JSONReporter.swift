import Synchronization

/// One JSON object a line on standard output; the schema is docs/events.md, its version is in the
/// first event of a run.
package final class JSONReporter: RunReporter {
    package static let schemaVersion = 2

    /// Lines of several disks must not mix.
    private let output = Mutex(())

    package init() {}

    package func report(_ event: RunEvent) {
        output.withLock { _ in Self.write(Self.encode(event)) }
    }

    private static func write(_ value: JSONValue) {
        StandardOutput.writeLine(value.text)
    }

    /// The last event of a run that failed.
    package static func reportFailure(_ error: BuildError) {
        write(
            .object(
                [("event", .string("run-failed")), ("schema", .integer(schemaVersion))]
                    + members(of: error)
            )
        )
    }

    package static func encode(_ event: RunEvent) -> JSONValue {
        switch event {
        case .started(let targets, let jobs):
            .object([
                ("event", .string("run-started")), ("schema", .integer(schemaVersion)),
                ("targets", .strings(targets)), ("jobs", .integer(jobs)),
            ])
        case .disk(let target, let event):
            encode(event, of: target)
        case .alreadyCreated(let build, let disks):
            .object([
                ("event", .string("already-created")), ("schema", .integer(schemaVersion)),
                ("build", .string(build)), ("disks", .strings(disks)),
            ])
        case .published(let build, let disks, let seconds):
            .object([
                ("event", .string("published")), ("build", .string(build)),
                ("disks", .strings(disks)), ("seconds", .number(seconds)),
            ])
        case .removed(let builds):
            .object([("event", .string("removed")), ("builds", .strings(builds))])
        }
    }

    private static func encode(_ event: BuildEvent, of target: String) -> JSONValue {
        let (name, members) = describe(event)
        return .object([("event", .string(name)), ("target", .string(target))] + members)
    }

    private static func describe(_ event: BuildEvent) -> (String, [(String, JSONValue)]) {
        switch event {
        case .started(let ref, let commit):
            ("started", [("ref", .string(ref)), ("commit", .optional(commit))])
        case .note(let text):
            ("note", [("text", .string(text))])
        case .phaseStarted(let phase):
            ("phase-started", [("phase", .string(phase.rawValue))])
        case .progress(let phase, let progress):
            (
                "progress",
                [
                    ("phase", .string(phase.rawValue)), ("objects", .integer(progress.objects)),
                    ("total_objects", .integer(progress.totalObjects)),
                    ("bytes", .integer(Int(clamping: progress.bytes))),
                    ("total_bytes", .integer(Int(clamping: progress.totalBytes))),
                ]
            )
        case .phaseEnded(let phase, let seconds):
            ("phase-ended", [("phase", .string(phase.rawValue)), ("seconds", .number(seconds))])
        case .guestStep(let step):
            (
                "guest-step",
                [
                    ("step", .string(step.name)), ("seconds", .number(step.seconds)),
                    ("user_seconds", .number(step.userSeconds)),
                    ("system_seconds", .number(step.systemSeconds)),
                ]
            )
        case .guestOutput(let text):
            ("guest-output", [("text", .string(text))])
        case .unchanged(let commit):
            ("unchanged", [("commit", .string(commit))])
        case .finished(let summary):
            (
                "finished",
                [
                    ("file", .string(summary.file)), ("seconds", .number(summary.totalSeconds)),
                    (
                        "phases",
                        .object(summary.phases.map { ($0.phase.rawValue, .number($0.seconds)) })
                    ),
                    ("allocated_bytes", .integer(Int(clamping: summary.allocatedBytes))),
                    ("virtual_bytes", .integer(Int(clamping: summary.virtualBytes))),
                ]
            )
        case .failed(let error):
            ("failed", members(of: error))
        }
    }

    private static func members(of error: BuildError) -> [(String, JSONValue)] {
        [
            ("exit_code", .integer(Int(error.exitCode))), ("message", .string(error.message)),
            ("hint", .optional(error.hint)), ("details", .strings(error.details)),
            ("report", .optional(error.report)),
        ]
    }
}
