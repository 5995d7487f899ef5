import CLinux
import GuestProtocol
import SystemIO
import SystemPackage

/// A started command: reads its outputs, enforces its limits, reaps it.
struct RunningCommand {
    let pid: pid_t
    /// nil where the kernel has none to give; then the end is looked for every 20 ms.
    let pidFD: SharedFD?
    let outputs: OutputPipes
    let runner: CommandRunner
    var tail = OutputTail(capacity: ControlProtocol.outputTail)

    private enum Stop {
        case running
        case terminating(Failure.Kind, killAt: Double)
        case killed(Failure.Kind)
    }

    init(pid: pid_t, pidFD: CInt?, outputs: OutputPipes, runner: CommandRunner) {
        self.pid = pid
        self.pidFD = pidFD.map { SharedFD(OwnedFD($0)) }
        self.outputs = outputs
        self.runner = runner
    }

    /// Waits for the end.
    /// - Returns: the exit status, and why the command was stopped if it was.
    mutating func watch() -> (ExitStatus, Failure.Kind?) {
        let deadline =
            runner.timeLimit == 0
            ? Double.infinity : monotonicSeconds() + Double(runner.timeLimit) / 1000
        var stop = Stop.running
        while !hasEnded {
            stop = next(stop, deadline: deadline)
            wait()
            forwardOutput()
            if runner.reapsOrphans { reapOrphans() }
        }
        // While the leader is not reaped, the number of its group cannot be anybody else's.
        kill(-pid, SIGKILL)
        forwardOutput()
        var status: CInt = 0
        while unsafe waitpid(pid, &status, 0) < 0 && clinux_errno() == EINTR {}
        let exit: ExitStatus =
            clinux_wifsignaled(status) != 0
            ? .signalled(UInt8(truncatingIfNeeded: clinux_wtermsig(status)))
            : .exited(UInt8(truncatingIfNeeded: clinux_wexitstatus(status)))
        switch stop {
        case .running: return (exit, nil)
        case .terminating(let kind, _), .killed(let kind): return (exit, kind)
        }
    }

    private func next(_ stop: Stop, deadline: Double) -> Stop {
        switch stop {
        case .running:
            let now = monotonicSeconds()
            let kind: Failure.Kind
            if runner.isCancelled() {
                kind = .cancelled
            } else if now >= deadline {
                kind = .timeLimit
            } else {
                return stop
            }
            kill(-pid, SIGTERM)
            return .terminating(kind, killAt: now + Double(runner.grace) / 1000)
        case .terminating(let kind, let killAt) where monotonicSeconds() >= killAt:
            kill(-pid, SIGKILL)
            return .killed(kind)
        case .terminating, .killed:
            return stop
        }
    }

    /// Sleeps until something happens; wakes often enough for limits and orphans.
    private func wait() {
        var descriptors = [outputs.standardOutput, outputs.standardError].map {
            pollfd(fd: $0.isOpen ? $0.read : -1, events: Int16(POLLIN), revents: 0)
        }
        descriptors.append(pollfd(fd: runner.wake, events: Int16(POLLIN), revents: 0))
        descriptors.append(
            pollfd(fd: pidFD?.rawValue ?? -1, events: Int16(POLLIN), revents: 0)
        )
        _ = unsafe poll(&descriptors, nfds_t(descriptors.count), pidFD == nil ? 20 : 200)
    }

    /// Whether the leader has ended; it stays unreaped.
    private var hasEnded: Bool { clinux_has_ended(pid) != 0 }

    private mutating func forwardOutput() {
        var buffer = [UInt8](repeating: 0, count: ControlProtocol.outputChunk)
        for (stream, pipe) in [
            (OutputStream.standardOutput, outputs.standardOutput),
            (.standardError, outputs.standardError),
        ] {
            // A bound, so that a command that never stops writing does not outlast its limit.
            for _ in 0..<64 {
                let count = pipe.read(into: &buffer)
                if count == 0 { break }
                tail.append(buffer[..<count])
                runner.output(stream, buffer[..<count])
            }
        }
    }

    private func reapOrphans() {
        while true {
            let ended = clinux_ended_child()
            guard ended > 0, ended != pid else { return }
            waitpid(ended, nil, WNOHANG)
        }
    }
}

/// Reaps every child that has ended.
func reapEndedChildren() {
    while waitpid(-1, nil, WNOHANG) > 0 {}
}
