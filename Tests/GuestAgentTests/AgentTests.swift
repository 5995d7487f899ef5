import CLinux
import GuestProtocol
import Synchronization
import SystemIO
import SystemPackage
import TestSupport
import Testing

@testable import GuestAgent

/// An agent on a thread of this process, and the host's end of its channel.
final class AgentUnderTest {
    private let socket: SharedFD
    private var session = HostSession()
    private let ended = Latch<Agent.End>()
    let endedEarly = Latch<String>()
    private(set) var seen: [HostSession.Event] = []
    private var waiting: [HostSession.Event] = []

    init(warnings: [String] = [], welcomeLimit: CInt = 10_000) throws {
        var ends: [CInt] = [-1, -1]
        try syscall { socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) }
        clinux_ignore_signal(SIGPIPE)
        socket = SharedFD(OwnedFD(ends[0]))
        let guest = SharedFD(OwnedFD(ends[1]))
        _ = try Thread(name: "agent") { [ended, endedEarly] in
            guard let channel = try? ControlChannel(guest) else { return }
            let agent = Agent(channel: channel, isInit: false, startup: Startup(warnings: warnings))
            { _ in }
            let end = try? agent.serve(welcomeLimit: welcomeLimit) { endedEarly.set($0) }
            ended.set(end ?? .refused("error"))
        }
    }

    deinit { hangUp() }

    func hangUp() { shutdown(socket.rawValue, CInt(SHUT_RDWR)) }

    func write(_ bytes: [UInt8]) throws { try writeAll(socket.rawValue, bytes) }

    /// Takes the hello and answers it.
    func greet() throws -> Hello {
        guard case .ready(let hello, let welcome) = try next() else { throw Errno.invalidArgument }
        try write(welcome)
        return hello
    }

    func send(_ request: Request, timeLimit: UInt32 = 10_000) throws -> RequestID {
        let (id, bytes) = try session.request(request, timeLimit: timeLimit)
        try write(bytes)
        return id
    }

    func cancel(_ id: RequestID) throws { try write(try session.cancel(id)) }

    func next() throws -> HostSession.Event {
        while waiting.isEmpty {
            var descriptor = pollfd(fd: socket.rawValue, events: Int16(POLLIN), revents: 0)
            guard poll(&descriptor, 1, 10_000) > 0 else { throw Errno.timedOut }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = try syscall { read(socket.rawValue, &buffer, buffer.count) }
            guard count > 0 else { throw Errno.brokenPipe }
            waiting += try session.receive(buffer[..<count])
        }
        let event = waiting.removeFirst()
        seen.append(event)
        return event
    }

    /// Waits for the answer to `id`.
    func answer(_ id: RequestID) throws -> Result<Completion, Failure> {
        while true {
            switch try next() {
            case .completed(id, let completion, _): return .success(completion)
            case .failed(id, let failure): return .failure(failure)
            default: continue
            }
        }
    }

    func end() -> Agent.End? { ended.wait(milliseconds: 10_000) }
}

@Suite struct AgentTests {
    @Test func conversation() throws {
        let agent = try AgentUnderTest(warnings: ["module x.ko: no"])
        let hello = try agent.greet()
        #expect(!hello.kernelRelease.isEmpty && hello.uptimeMilliseconds > 0)

        let run = try agent.send(.run(RunCommand(arguments: ["sh", "-c", "echo hi; exit 2"])))
        #expect(
            try agent.answer(run).get() == .command(.exited(2), outputTail: Array("hi\n".utf8))
        )
        #expect(agent.seen.contains(.log(LogLine(level: .warning, text: "module x.ko: no"))))
        #expect(agent.seen.contains(.output(run, .standardOutput, Array("hi\n".utf8))))

        let statistics = try agent.send(.statistics)
        guard case .statistics(let figures) = try agent.answer(statistics).get() else {
            Issue.record("no statistics")
            return
        }
        #expect(figures.totalKiB > 0)

        let powerOff = try agent.send(.powerOff)
        #expect(try agent.answer(powerOff).get() == .done)
        #expect(agent.end() == .poweredOff)
    }

    @Test func failuresDoNotEndTheSession() throws {
        let agent = try AgentUnderTest()
        _ = try agent.greet()
        let requests: [(Request, Failure.Kind)] = [
            (.run(RunCommand(arguments: ["no-such-program"])), .commandMissing),
            (
                .mount(MountFileSystem(device: .init(serial: "none"), type: "ext4", target: "/x")),
                .noSuchDevice
            ),
            (.seal(targets: ["/"]), .invalidRequest),
            (.listTree(path: "/nowhere", readsContent: false), .systemCall),
            (.run(RunCommand(arguments: ["sleep", "20"])), .timeLimit),
        ]
        for (request, kind) in requests {
            let id = try agent.send(request, timeLimit: 200)
            let failure = #expect(throws: Failure.self) { try agent.answer(id).get() }
            #expect(failure?.kind == kind)
        }
    }

    @Test func requestsAreCancelledBeforeAndWhileTheyRun() throws {
        let agent = try AgentUnderTest()
        _ = try agent.greet()
        let command = RunCommand(arguments: ["sh", "-c", "echo; sleep 20"])
        let first = try agent.send(.run(command), timeLimit: 0)
        let second = try agent.send(.run(command), timeLimit: 0)
        while try agent.next() != .output(first, .standardOutput, [10]) {}
        try agent.cancel(second)
        try agent.cancel(first)
        for id in [first, second] {
            let failure = #expect(throws: Failure.self) { try agent.answer(id).get() }
            #expect(failure?.kind == .cancelled)
        }
    }

    @Test func heartbeatNamesTheRequest() throws {
        let agent = try AgentUnderTest()
        _ = try agent.greet()
        let id = try agent.send(.run(RunCommand(arguments: ["sleep", "1.3"])))
        #expect(try agent.answer(id).get() == .command(.exited(0), outputTail: []))
        let active = agent.seen.map { event in
            if case .heartbeat(let beat) = event { beat.active } else { nil as RequestID? }
        }
        #expect(active.contains(id))
    }

    @Test func listingComesInPieces() throws {
        let folder = try ScratchFolder()
        for number in 0..<300 { try folder.write("f\(number)", "") }
        let agent = try AgentUnderTest()
        _ = try agent.greet()
        let id = try agent.send(.listTree(path: folder.path, readsContent: true))
        #expect(try agent.answer(id).get() == .listed(301))
        let counts = agent.seen.compactMap { event in
            if case .entries(id, let entries) = event { entries.count } else { nil }
        }
        #expect(counts.count > 1 && counts.reduce(0, +) == 301)
    }

    @Test func endOfTheChannelIsSeenInTheMiddleOfARequest() throws {
        let agent = try AgentUnderTest()
        _ = try agent.greet()
        _ = try agent.send(.run(RunCommand(arguments: ["sleep", "1"])))
        let start = monotonicSeconds()
        agent.hangUp()
        #expect(agent.endedEarly.wait(milliseconds: 5000) != nil)
        #expect(monotonicSeconds() - start < 0.9)
        #expect(agent.end() == .channelEnded("the host closed the control channel"))
    }

    @Test func garbageEndsTheSession() throws {
        let agent = try AgentUnderTest()
        _ = try agent.greet()
        try agent.write(Array("GET / HTTP/1.1\r\n".utf8))
        guard case .channelEnded = agent.end() else {
            Issue.record("still serving")
            return
        }
    }

    @Test(arguments: [
        HostMessage.welcome(version: ControlProtocol.version + 1),
        .request(RequestID(1), timeLimit: 0, .powerOff),
    ])
    func wrongGreetingIsRefused(message: HostMessage) throws {
        let agent = try AgentUnderTest()
        try agent.write(try message.frame())
        guard case .refused = agent.end() else {
            Issue.record("accepted")
            return
        }
    }

    @Test func hostThatSaysNothingIsRefused() throws {
        let agent = try AgentUnderTest(welcomeLimit: 50)
        #expect(agent.end() == .refused("the host did not answer hello"))
    }
}
