import CLinux
import Synchronization
import SystemIO

/// Plain lines for logs: one when a phase starts, and progress every few seconds. Of several disks,
/// each line names its own.
package final class PlainReporter: RunReporter {
    private struct State: Sendable {
        var names = TargetNames([])
        var lastProgress: [String: Double] = [:]
        var summaries: [RunTable.Row] = []
    }

    /// Seconds between two lines of progress of a disk.
    private static let interval = 5.0

    private let quiet: Bool
    private let state = Mutex(State())

    package init(quiet: Bool) { self.quiet = quiet }

    package func report(_ event: RunEvent) {
        state.withLock { state in
            switch event {
            case .started(let targets, let jobs):
                state.names = TargetNames(targets)
                if targets.count > 1 {
                    line("Building \(targets.count) disks, \(jobs) at once")
                }
            case .disk(let target, let event):
                report(event, of: target, &state)
            case .alreadyCreated(let build, let disks):
                line("Already created: \(build)")
                for disk in disks { StandardOutput.writeLine(disk) }
            case .published(let build, let disks, let seconds):
                for text in RunTable.lines(state.names.sorted(state.summaries), build, seconds) {
                    line(text)
                }
                for disk in disks { StandardOutput.writeLine(disk) }
            case .removed(let builds):
                line("Removed old builds: \(builds.joined(separator: ", "))")
            }
        }
    }

    private func report(_ event: BuildEvent, of target: String, _ state: inout State) {
        let prefix = state.names.prefix(target)
        switch event {
        case .started(let ref, let commit):
            line("\(prefix)\(ProgressText.start(ref, commit))")
        case .note(let text):
            line(prefix + text)
        case .phaseStarted(let phase):
            state.lastProgress[target] = monotonicSeconds()
            line("\(prefix)\(phase.title) …")
        case .progress(let phase, let progress):
            let now = monotonicSeconds()
            guard now - state.lastProgress[target, default: 0] >= Self.interval else { return }
            state.lastProgress[target] = now
            line("\(prefix)  \(phase.rawValue): \(ProgressText.line(progress))")
        case .phaseEnded, .guestOutput, .guestStep:
            break
        case .unchanged(let commit):
            line("\(prefix)Unchanged (commit \(commit.prefix(12)))")
            state.summaries.append(RunTable.Row(target: target, outcome: .unchanged))
        case .finished(let summary):
            state.summaries.append(RunTable.Row(target: target, outcome: .made(summary)))
        case .failed(let error):
            // One disk's failure is the run's, and told at its end.
            guard state.names.count > 1 else { return }
            for text in error.lines { printErrorLine(prefix + text) }
            state.summaries.append(RunTable.Row(target: target, outcome: .failed))
        }
    }

    private func line(_ text: String) {
        if !quiet { StandardOutput.writeLine(text) }
    }
}

/// How lines of several disks are told apart.
struct TargetNames: Sendable {
    private let width: Int
    private let order: [String]

    init(_ targets: [String]) {
        order = targets
        width = min(24, targets.map(\.count).max() ?? 0)
    }

    var count: Int { order.count }

    /// What is told of each, in the order in which they were asked for.
    func sorted(_ rows: [RunTable.Row]) -> [RunTable.Row] {
        order.flatMap { name in rows.filter { $0.target == name } }
    }

    /// Of one width for all; the end of a long name tells more than its beginning.
    func padded(_ target: String) -> String {
        if target.count > width { return "…" + target.suffix(max(0, width - 1)) }
        return target + String(repeating: " ", count: width - target.count)
    }

    /// Nothing where there is but one disk.
    func prefix(_ target: String) -> String { count > 1 ? padded(target) + "  " : "" }
}

/// Writes a line to standard error.
package func printErrorLine(_ line: String) { try? writeAll(STDERR_FILENO, (line + "\n").utf8) }
