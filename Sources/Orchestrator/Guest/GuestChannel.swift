import CLinux
package import GuestProtocol
package import SystemIO
import SystemPackage

/// The host's end of the control protocol over a descriptor: sends one request at a time and waits
/// for its answer, while it watches the guest's heart, the machine and the user's wish to stop.
///
/// Not shared between threads.
package final class GuestChannel {
    /// What may happen while a request is in work.
    package struct Handlers {
        package var output: ([UInt8]) -> Void = { _ in }
        /// A request was answered, well or not.
        package var step: (GuestStep) -> Void = { _ in }
        package var log: (LogLine) -> Void = { _ in }
        package var entries: ([TreeEntry]) -> Void = { _ in }
        package var heartbeat: (Heartbeat) -> Void = { _ in }
        package init() {}
    }

    private let descriptor: SharedFD
    private let machine: any Machine
    private let cancellation: Cancellation
    private var session = HostSession()
    private var pending: [HostSession.Event] = []
    private var lastSign = monotonicSeconds()
    package var handlers = Handlers()

    /// Seconds without a heartbeat (one is due every second) after which the guest counts as hung.
    /// Generous, since an emulated guest on a busy host can be stopped for long.
    private static let heartbeatLimit = 60.0

    package init(descriptor: SharedFD, machine: any Machine, cancellation: Cancellation) {
        self.descriptor = descriptor
        self.machine = machine
        self.cancellation = cancellation
    }

    /// Waits for the agent's hello and answers it.
    /// - Parameter limit: in seconds.
    package func handshake(limit: Double) throws(BuildError) -> Hello {
        let (hello, welcome) = try awaitHello(limit: limit)
        try send(welcome)
        return hello
    }

    /// Answers a hello that was said before the machine was saved.
    /// - Parameter hello: as one frame.
    func handshake(with hello: [UInt8]) throws(BuildError) -> Hello {
        do throws(HostSession.SessionError) {
            pending += try session.receive(hello)
        } catch {
            throw BuildError(.host, "\(error)")
        }
        return try handshake(limit: 0)
    }

    /// Lets the agent take requests.
    func answer(_ welcome: [UInt8]) throws(BuildError) { try send(welcome) }

    /// Waits for the agent's hello. It waits for the answer, and does nothing until then.
    /// - Parameter limit: in seconds.
    func awaitHello(
        limit: Double
    ) throws(BuildError) -> (hello: Hello, welcome: [UInt8]) {
        let deadline = monotonicSeconds() + limit
        while true {
            if let event = try nextEvent(deadline: deadline) {
                guard case .ready(let hello, let welcome) = event else { continue }
                return (hello, welcome)
            }
            throw failure(
                "the guest's agent did not report within \(ProgressText.duration(limit))",
                hint: "The console below shows how far its kernel came."
            )
        }
    }

    /// Sends a request and waits for its result.
    /// - Parameters:
    ///   - step: what the request does, for messages: "pull the commit".
    ///   - limit: in seconds; the guest kills its command then, and a little later we give up.
    package func perform(
        _ request: Request,
        step: String,
        limit: Double
    ) throws(BuildError) -> (Completion, Figures) {
        let id: RequestID
        let bytes: [UInt8]
        do throws(HostSession.SessionError) {
            (id, bytes) = try session.request(request, timeLimit: UInt32(limit * 1000))
        } catch {
            throw BuildError(.fault, "\(error)")
        }
        try send(bytes)
        let began = monotonicSeconds()
        let deadline = began + limit + 15
        while let event = try nextEvent(deadline: deadline) {
            switch event {
            case .completed(id, let completion, let figures):
                handlers.step(GuestStep(step, began, figures))
                return (completion, figures)
            case .failed(id, let failure):
                handlers.step(GuestStep(step, began, nil))
                throw error(step, failure)
            case .completed, .failed, .ready, .progress: break
            case .output(_, _, let bytes): handlers.output(bytes)
            case .entries(_, let entries): handlers.entries(entries)
            case .log(let line): handlers.log(line)
            case .heartbeat(let heartbeat): handlers.heartbeat(heartbeat)
            }
        }
        throw failure("cannot \(step): no answer within \(ProgressText.duration(limit))")
    }

    /// Waits for the machine to end by itself, now that nothing more is to be said.
    package func waitForPowerOff(limit: Double) throws(BuildError) {
        shutdown(descriptor.rawValue, CInt(SHUT_RDWR))
        guard machine.wait(milliseconds: CInt(limit * 1000)) != nil else {
            throw failure("the guest did not switch itself off")
        }
    }

    private func send(_ bytes: [UInt8]) throws(BuildError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            do throws(Errno) {
                rest = rest.dropFirst(try writeSome(descriptor.rawValue, rest))
            } catch .wouldBlock {
                usleep(1000)
            } catch {
                throw failure("the control channel to the guest broke: \(error)")
            }
        }
    }

    /// The next event; nil when the deadline has passed.
    private func nextEvent(deadline: Double) throws(BuildError) -> HostSession.Event? {
        while pending.isEmpty {
            let now = monotonicSeconds()
            if now >= deadline { return nil }
            if now - lastSign > Self.heartbeatLimit {
                throw failure("the guest has given no sign of life for \(Int(now - lastSign)) s")
            }
            let milliseconds = CInt(max(1, min(1000, (deadline - now) * 1000)))
            let ready = pollReadable(
                [cancellation.descriptor, descriptor.rawValue],
                milliseconds: milliseconds
            )
            if ready == 0 { try cancellation.check() }
            if ready == 1 { try receive() }
        }
        return pending.removeFirst()
    }

    private func receive() throws(BuildError) {
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try readSome(descriptor.rawValue, limit: 1 << 16)
        } catch .wouldBlock {
            return
        } catch {
            throw failure("the control channel to the guest broke: \(error)")
        }
        guard !bytes.isEmpty else { throw machineEnded() }
        lastSign = monotonicSeconds()
        do throws(HostSession.SessionError) {
            pending += try session.receive(bytes)
        } catch {
            throw failure("\(error)")
        }
    }

    private func machineEnded() -> BuildError {
        let exit = machine.wait(milliseconds: 5000)
        let reason =
            switch exit {
            case .signal(let number)?: "\(machine.name) was killed by signal \(number)"
            case .status(0)?: "the guest stopped by itself"
            case .status(let code)?: "\(machine.name) ended with status \(code)"
            case nil: "\(machine.name) closed the control channel"
            }
        return failure(
            "\(reason) before the work was done",
            hint: "The previous disk is untouched."
        )
    }

    private func failure(_ message: String, hint: String? = nil) -> BuildError {
        let console = machine.consoleTail
        var error = BuildError(
            .guest,
            message,
            hint: hint,
            details: machine.errorOutput.map { "\(machine.name): \($0)" }
                + console.suffix(30).map { "console: \($0)" }
        )
        error.console = console
        return error
    }

    private func error(_ step: String, _ failure: Failure) -> BuildError {
        let output = String(decoding: failure.outputTail, as: UTF8.self)
            .split(whereSeparator: \.isNewline).suffix(20).map(String.init)
        let reason = failure.errno == 0 ? "" : ": \(Errno(rawValue: CInt(failure.errno)))"
        let kind: BuildError.Kind =
            failure.errno == UInt32(bitPattern: ENOSPC) || output.contains { isNoSpace($0) }
            ? .space : .guest
        var error = BuildError(
            kind,
            "cannot \(step): \(failure)\(reason)",
            hint: kind == .space
                ? "The commit does not fit on the disk: choose a larger --size." : nil,
            details: output
        )
        if failure.errno != 0 { error.errno = Errno(rawValue: failure.errno) }
        if !failure.command.isEmpty { error.command = failure.command.joined(separator: " ") }
        return error
    }
}

/// Whether a program's message says that the disk is full.
func isNoSpace(_ line: String) -> Bool {
    line.contains("No space left on device") || line.contains("min-free-space")
}

extension GuestStep {
    /// - Parameter began: monotonic seconds.
    fileprivate init(_ name: String, _ began: Double, _ figures: Figures?) {
        self.init(
            name: name,
            seconds: monotonicSeconds() - began,
            userSeconds: Double(figures?.userMilliseconds ?? 0) / 1000,
            systemSeconds: Double(figures?.systemMilliseconds ?? 0) / 1000
        )
    }
}
