import CLinux
import Synchronization
import SystemIO

/// Plain lines for logs: one when a phase starts or ends, and progress every few seconds.
package final class PlainReporter: BuildReporter {
    private let quiet: Bool
    private let lastProgress = Mutex<Double>(0)

    package init(quiet: Bool) { self.quiet = quiet }

    package func report(_ event: BuildEvent) {
        switch event {
        case .started(let build, let target, let commit):
            line("Building \(build) from \(target) (commit \(commit.prefix(12)))")
        case .note(let text):
            line(text)
        case .phaseStarted(let phase):
            lastProgress.withLock { $0 = monotonicSeconds() }
            line("\(phase.title) …")
        case .progress(let phase, let progress):
            let due = lastProgress.withLock { last in
                let now = monotonicSeconds()
                guard now - last >= 5 else { return false }
                last = now
                return true
            }
            if due { line("  \(phase.rawValue): \(ProgressText.line(progress))") }
        case .phaseEnded, .guestOutput:
            break
        case .alreadyCreated(let build, let disk):
            print("Already created: \(build) (\(disk))")
        case .finished(let summary):
            for text in SummaryTable.lines(summary) { line(text) }
            print(summary.disk)
        }
        fflush(nil)
    }

    private func line(_ text: String) {
        if !quiet { print(text) }
    }
}
