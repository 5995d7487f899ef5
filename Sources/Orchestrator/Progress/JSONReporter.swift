import CLinux
import SystemIO

/// One JSON object a line on standard output; the schema is docs/events.md, its version is in the
/// first event.
package struct JSONReporter: BuildReporter {
    package static let schemaVersion = 1

    package init() {}

    package func report(_ event: BuildEvent) {
        print(Self.encode(event).text)
        fflush(nil)
    }

    package static func encode(_ event: BuildEvent) -> JSONValue {
        switch event {
        case .started(let build, let target, let commit):
            .object([
                ("event", .string("started")), ("schema", .integer(schemaVersion)),
                ("build", .string(build)), ("target", .string(target)), ("commit", .string(commit)),
            ])
        case .note(let text):
            .object([("event", .string("note")), ("text", .string(text))])
        case .phaseStarted(let phase):
            .object([("event", .string("phase-started")), ("phase", .string(phase.rawValue))])
        case .progress(let phase, let progress):
            .object([
                ("event", .string("progress")), ("phase", .string(phase.rawValue)),
                ("objects", .integer(progress.objects)),
                ("total_objects", .integer(progress.totalObjects)),
                ("bytes", .integer(Int(clamping: progress.bytes))),
                ("total_bytes", .integer(Int(clamping: progress.totalBytes))),
            ])
        case .phaseEnded(let phase, let seconds):
            .object([
                ("event", .string("phase-ended")), ("phase", .string(phase.rawValue)),
                ("seconds", .number(seconds)),
            ])
        case .guestOutput(let text):
            .object([("event", .string("guest-output")), ("text", .string(text))])
        case .alreadyCreated(let build, let disk):
            .object([
                ("event", .string("already-created")), ("build", .string(build)),
                ("disk", .string(disk)),
            ])
        case .finished(let summary):
            .object([
                ("event", .string("finished")), ("build", .string(summary.build)),
                ("disk", .string(summary.disk)), ("seconds", .number(summary.totalSeconds)),
                (
                    "phases",
                    .object(summary.phases.map { ($0.phase.rawValue, .number($0.seconds)) })
                ),
                ("allocated_bytes", .integer(Int(clamping: summary.allocatedBytes))),
                ("virtual_bytes", .integer(Int(clamping: summary.virtualBytes))),
            ])
        }
    }

    /// The last event of a run that failed.
    package static func reportFailure(_ error: BuildError) {
        print(
            JSONValue.object([
                ("event", .string("failed")), ("exit_code", .integer(Int(error.exitCode))),
                ("message", .string(error.message)),
                ("hint", error.hint.map { .string($0) } ?? .null),
                ("details", .array(error.details.map { .string($0) })),
            ]).text
        )
        fflush(nil)
    }
}
