import CLinux
import Synchronization
import SystemIO

/// Live progress on a terminal: one line that is rewritten while a phase runs, and stays with the
/// phase's seconds when it has ended.
package final class TerminalReporter: BuildReporter {
    private struct State: Sendable {
        var phase: Phase?
        var started = 0.0
        var lastDrawn = 0.0
        var progress: PhaseProgress?
    }

    private let state = Mutex(State())

    package init() {
        // A phase that reports nothing must be seen to live, too.
        // Without a thread the line moves only when something is reported.
        try? startThread(named: "progress") { [self] in
            while true {
                usleep(200_000)
                state.withLock { draw(&$0, force: false) }
            }
        }
    }

    package func report(_ event: BuildEvent) {
        state.withLock { state in
            switch event {
            case .started(let build, let target, let commit):
                line("Building \(build) from \(target) (commit \(commit.prefix(12)))")
            case .note(let text):
                line(text)
                draw(&state, force: true)
            case .phaseStarted(let phase):
                state = State(phase: phase, started: monotonicSeconds())
                draw(&state, force: true)
            case .progress(_, let progress):
                state.progress = progress
                draw(&state, force: false)
            case .phaseEnded(let phase, let seconds):
                let figures = state.progress.map { "  " + ProgressText.line($0) } ?? ""
                state.phase = nil
                line("✓ \(phase.title)  \(ProgressText.duration(seconds))\(figures)")
            case .guestOutput:
                break
            case .alreadyCreated(let build, let disk):
                line("Already created: \(build) (\(disk))")
            case .finished(let summary):
                for text in SummaryTable.lines(summary) { line(text) }
                line(summary.disk)
            }
            fflush(nil)
        }
    }

    private func line(_ text: String) { print("\r\u{1B}[K\(text)") }

    private func draw(_ state: inout State, force: Bool) {
        let now = monotonicSeconds()
        guard let phase = state.phase, force || now - state.lastDrawn >= 0.1 else { return }
        state.lastDrawn = now
        let elapsed = now - state.started
        var text = "… \(phase.title)  \(ProgressText.duration(elapsed))"
        if let progress = state.progress {
            text += "  " + bar(progress) + ProgressText.line(progress)
            if let fraction = progress.fraction, fraction > 0.05, fraction < 1 {
                text += "  about \(ProgressText.duration(elapsed / fraction - elapsed)) left"
            }
        }
        print("\r\u{1B}[K\(text.prefix(terminalColumns() - 1))", terminator: "")
        fflush(nil)
    }

    private func bar(_ progress: PhaseProgress) -> String {
        guard let fraction = progress.fraction else { return "" }
        let full = Int(fraction * 20)
        return "[" + String(repeating: "█", count: full)
            + String(repeating: "░", count: 20 - full) + "]  "
    }
}
