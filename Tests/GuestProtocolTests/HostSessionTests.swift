import GuestProtocol
import Testing

@Suite struct HostSessionTests {
    static let hello = Hello(kernelRelease: "6.1.0", agentBuild: "1", uptimeMilliseconds: 1)
    static let figures = Figures(elapsed: 1, user: 0, system: 0)

    private func ready() throws -> HostSession {
        var session = HostSession()
        let events = try session.receive(try GuestMessage.hello(Self.hello).frame())
        #expect(
            events == [
                .ready(
                    Self.hello,
                    welcome: try HostMessage.welcome(version: ControlProtocol.version).frame()
                )
            ]
        )
        return session
    }

    @Test func requestIsAnsweredOnce() throws {
        var session = try ready()
        let (id, bytes) = try session.request(.statistics, timeLimit: 5)
        #expect(bytes == (try HostMessage.request(id, timeLimit: 5, .statistics).frame()))
        #expect(session.outstanding == [id])
        let answer = try GuestMessage.completed(id, .done, Self.figures).frame()
        #expect(try session.receive(answer) == [.completed(id, .done, Self.figures)])
        #expect(session.outstanding.isEmpty)
        #expect(throws: HostSession.SessionError.unknownRequest(id)) {
            try session.receive(answer)
        }
    }

    @Test func nothingComesBeforeHello() throws {
        var session = HostSession()
        #expect(throws: HostSession.SessionError.notReady) {
            try session.request(.powerOff, timeLimit: 0)
        }
        #expect(throws: HostSession.SessionError.helloExpected) {
            try session.receive(
                try GuestMessage.log(LogLine(level: .info, text: "early")).frame()
            )
        }
    }

    @Test(arguments: [
        (ControlProtocol.version + 1, ControlProtocol.version + 2),
        (UInt16(0), ControlProtocol.version - 1),
    ])
    func otherVersionsAreRefused(oldest: UInt16, newest: UInt16) throws {
        var session = HostSession()
        var hello = Self.hello
        hello.oldestVersion = oldest
        hello.newestVersion = newest
        #expect(
            throws: HostSession.SessionError.noCommonVersion(oldest: oldest, newest: newest)
        ) {
            try session.receive(try GuestMessage.hello(hello).frame())
        }
    }

    @Test func agentThatStartsAgainIsSeen() throws {
        var session = try ready()
        #expect(throws: HostSession.SessionError.secondHello) {
            try session.receive(try GuestMessage.hello(Self.hello).frame())
        }
    }

    @Test func requestOverTheLimitIsAnErrorAndTakesNoNumber() throws {
        var session = try ready()
        let big = NewEntry(
            path: "/f",
            mode: 0o644,
            content: .file(Array(repeating: 0, count: ControlProtocol.maximumPayload))
        )
        #expect(throws: HostSession.SessionError.self) {
            try session.request(.makeEntries([big]), timeLimit: 0)
        }
        #expect(try session.request(.statistics, timeLimit: 0).id == RequestID(1))
    }
}
