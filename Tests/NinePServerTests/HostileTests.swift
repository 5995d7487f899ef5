import CLinux
import NineP
import NinePConformance
import NinePServer
import SystemIO
import Testing

@Suite struct HostileTests {
    private func server(_ limits: Limits = Limits(), kind: TransportKind = .memory) throws
        -> TestServer
    {
        let big = [UInt8](repeating: 7, count: 200_000)
        let attribute = [UInt8](repeating: 9, count: 65_536)
        let entries: [(name: String, entry: Namespace.Entry)] = [
            ("f", .file(big, extendedAttributes: [("user.big", attribute)])),
            ("d", .directory([("g", .file([1]))])),
            ("l", .symlink(target: [0x66])),
        ]
        return try TestServer(kind, [("", Namespace(entries))], limits: limits)
    }

    private func memory(_ server: TestServer) throws -> MemoryTransport {
        try #require(MemoryTransport(server.service))
    }

    @Test(arguments: [[0, 0, 0, 0], [6, 0, 0, 0], [1, 0, 16, 0], [255, 255, 255, 255]])
    func impossibleLengthsEndTheConnection(_ length: [UInt8]) throws {
        let transport = try memory(server())
        transport.send(length + [100, 0, 0])
        #expect(transport.isClosed)
        transport.send([1, 2, 3])
    }

    @Test func messagesInPieces() throws {
        let transport = try memory(server())
        let bytes =
            TestClient.message {
                $0.tversion(tag: 1, messageSize: 8192, version: Array("9P2000.L".utf8))
            }
            + TestClient.message { $0.tattach(tag: 2, fid: 0, user: [], attachName: [], uid: 0) }
        for byte in bytes { transport.send([byte]) }
        #expect(transport.waitingMessageCount == 2)
        transport.send(bytes)
        #expect(transport.waitingMessageCount == 4)
    }

    @Test(arguments: [UInt8(0), 6, 10, 101, 112, 124, 255])
    func unknownTypesAreRefused(_ type: UInt8) throws {
        let client = try server().attach()
        client.transport.send([9, 0, 0, 0, type, 5, 0, 1, 2])
        #expect(refusal { _ = try client.receive(.tclunk, tag: 5) } == EOPNOTSUPP)
    }

    @Test(arguments: MessageType.allCases.filter { $0.isRequest && !$0.isModifying })
    func emptyBodiesAreRefused(_ type: MessageType) throws {
        let client = try server().attach()
        client.transport.send([7, 0, 0, 0, type.rawValue, 5, 0])
        #expect(refusal { _ = try client.receive(type, tag: 5) } == EBADMSG)
        // A malformed Tversion is no Tversion.
        _ = try client.getattr(0)
    }

    @Test func fidsAreLimited() throws {
        var limits = Limits()
        limits.fids = 10
        let client = try server(limits).attach()
        for fid in 1..<10 { try client.walk(0, UInt32(fid) * 1_000_000) }
        #expect(refusal { try client.walk(0, 77) } == EMFILE)
        #expect(refusal { try client.attach(77) } == EMFILE)
        try client.walk(1_000_000, 1_000_000, "d")
        try client.clunk(1_000_000)
        try client.walk(0, 77)
        #expect(refusal { try client.walk(0, .max) } == EINVAL)
    }

    @Test func attributeMemoryIsLimited() throws {
        var limits = Limits()
        limits.extendedAttributeBytes = 150_000
        let client = try server(limits).attach()
        try client.walk(0, 1, "f")
        #expect(try client.xattrwalk(1, 2, "user.big") == 65_536)
        #expect(try client.xattrwalk(1, 3, "user.big") == 65_536)
        #expect(refusal { _ = try client.xattrwalk(1, 4, "user.big") } == ENOBUFS)
        try client.clunk(2)
        #expect(try client.xattrwalk(1, 4, "user.big") == 65_536)
        #expect(try client.readAll(4).count == 65_536)
        #expect(try client.xattrwalk(1, 5, "") == 9)
        #expect(try client.readAll(5) == Array("user.big\0".utf8))
        #expect(refusal { _ = try client.xattrwalk(1, 6, "user.none") } == ENODATA)
        #expect(refusal { _ = try client.readdir(5, after: 0) } == ENOTDIR)
    }

    @Test func repliesKeepToTheMessageSize() throws {
        let target = [UInt8](repeating: 0x61, count: 4095)
        let space = Namespace([("long", .symlink(target: target)), ("f", .file(target + target))])
        let client = try TestServer(.memory, [("", space)]).attach(messageSize: 4096)
        try client.walk(0, 1, "long")
        #expect(refusal { _ = try client.readlink(1) } == EMSGSIZE)
        try client.walk(0, 2, "f")
        try client.open(2)
        #expect(try client.read(2, at: 0, count: 8000).count == 4096 - 11)
        try client.version(8192)
        try client.attach(0)
        try client.walk(0, 1, "long")
        #expect(try client.readlink(1).utf8.count == 4095)
    }

    @Test func connectionsAreLimited() throws {
        var limits = Limits()
        limits.connections = 2
        let server = try server(limits)
        let first = try memory(server)
        let second = try memory(server)
        #expect(MemoryTransport(server.service) == nil)
        first.end()
        #expect(MemoryTransport(server.service) != nil)
        _ = second
    }

    @Test func aClientThatDoesNotReadIsServedNoFurther() throws {
        var limits = Limits()
        limits.pendingReplies = 8
        let transport = try memory(server(limits))
        let client = TestClient(transport)
        try client.version()
        try client.attach(0)
        transport.isHolding = true
        var requests: [UInt8] = []
        for tag: UInt16 in 1...20 {
            requests += TestClient.message { $0.tgetattr(tag: tag, fid: 0, mask: 0x7ff) }
        }
        let taken = transport.offer(requests)
        #expect(taken == requests.count / 20 * 8)
        #expect(transport.offer(Array(requests[taken...])) == 0)
        transport.releaseHeld()
        #expect(transport.resumeCount == 1)
        #expect(transport.offer(Array(requests[taken...])) == requests.count - taken)
        #expect(transport.waitingMessageCount == 20)
    }

    @Test func aSilentClientHoldsUpNobody() throws {
        let server = try server(kind: .unix)
        let slow = try server.attach(messageSize: 1 << 20)
        try slow.walk(0, 1, "f")
        try slow.open(1)
        // 400 MB of replies that nobody reads. In one write: a socket holds few small ones.
        var requests: [UInt8] = []
        for tag: UInt16 in 1...2000 {
            requests += TestClient.message {
                $0.readRequest(.tread, tag: tag, fid: 1, offset: 0, count: 200_000)
            }
        }
        slow.transport.send(requests)
        for _ in 0..<4 {
            let client = try server.attach()
            try client.walk(0, 1, "f")
            try client.open(1)
            #expect(try client.readAll(1).count == 200_000)
        }
        // And the slow one still gets all of it.
        for tag: UInt16 in 1...100 {
            let (reply, _) = try slow.receive(.tread, tag: tag)
            guard case .read(let data) = reply else { throw BrokenReply() }
            #expect(data.count == 200_000)
        }
    }
}
