import Synchronization
import SystemIO

/// Listens to a disk's events, passes them on, and knows afterwards when everything was.
final class TimelineRecorder: BuildReporter {
    fileprivate struct State: Sendable {
        var timeline = Timeline()
        var phase: Phase?
        var transferred: UInt64 = 0
        var lastTransfer = 0.0
    }

    private let next: any BuildReporter
    private let started: Double
    private let state = Mutex(State())

    /// - Parameter started: of the run, in monotonic seconds.
    init(_ next: any BuildReporter, started: Double) {
        self.next = next
        self.started = started
    }

    var timeline: Timeline { state.withLock { $0.timeline } }

    /// What is being done now.
    var phase: Phase? { state.withLock { $0.phase } }

    func report(_ event: BuildEvent) {
        let now = monotonicSeconds() - started
        state.withLock { $0.take(event, now) }
        next.report(event)
    }
}

extension TimelineRecorder.State {
    fileprivate mutating func take(_ event: BuildEvent, _ now: Double) {
        switch event {
        case .phaseStarted(let phase):
            self.phase = phase
            transferred = 0
            lastTransfer = now
        case .phaseEnded(let phase, let seconds):
            self.phase = nil
            timeline.phases.append(
                Timeline.Span(phase: phase.rawValue, start: now - seconds, seconds: seconds)
            )
        case .progress(_, let progress):
            if progress.bytes > transferred {
                timeline.transfers.append(
                    Timeline.Transfer(
                        // Progress is told many times a second while there is some: before the first
                        // bytes of a phase nothing went.
                        start: transferred == 0 ? max(lastTransfer, now - 0.2) : lastTransfer,
                        end: now,
                        bytes: Double(progress.bytes - transferred)
                    )
                )
                transferred = progress.bytes
            }
            lastTransfer = now
        case .guestStep(let step):
            timeline.steps.append(
                Timeline.Step(
                    step: step.name,
                    start: now - step.seconds,
                    seconds: step.seconds,
                    user: step.userSeconds,
                    system: step.systemSeconds
                )
            )
        case .started, .note, .guestOutput, .unchanged, .finished, .failed:
            break
        }
    }
}
