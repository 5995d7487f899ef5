import CLinux
import NineP
import NinePConformance
import NinePServer
import Testing

/// What docs/9p.md says of limits, each met from outside (`HostileTests` and `SlowOpenTests` have
/// fids, unread replies, attribute values and opens).
@Suite struct QuotaTests {
    private static let content = [UInt8](repeating: 7, count: 200_000)

    private func server(_ limits: Limits = Limits()) throws -> TestServer {
        try TestServer(.unix, [("", Namespace([("f", .file(Self.content))]))], limits: limits)
    }

    @Test func theDefaultsAreTheDocumentedOnes() {
        let limits = Limits()
        #expect(limits.messageSize == 1 << 20)
        #expect(limits.connections == 256)
        #expect(limits.silence == 10_000_000_000)
        #expect(limits.fids == 262_144)
        #expect(limits.pendingReplies == 1024)
        #expect(limits.pendingReplyBytes == 4 << 20)
        #expect(limits.workerRequests == 32)
        #expect(limits.extendedAttributeBytes == 4 << 20)
    }

    /// One connection too many ends at once; the others stay, and one that leaves makes room.
    @Test func connections() throws {
        var limits = Limits()
        limits.connections = 20
        let server = try server(limits)
        var clients = try (0..<20).map { _ in try server.attach() }
        #expect(throws: BrokenReply.self) { try server.attach() }
        for client in clients { _ = try client.getattr(0) }
        clients.removeLast()
        // The server notices the end a moment later.
        for attempt in 0..<200 {
            if let client = try? server.attach() {
                clients.append(client)
                break
            }
            try #require(attempt < 199)
            usleep(10_000)
        }
        _ = try clients.last?.getattr(0)
    }

    /// Whoever connects and says nothing keeps his place only while nobody else wants it.
    @Test func theSilentMakeRoom() throws {
        var limits = Limits()
        limits.connections = 3
        limits.silence = 50_000_000
        let server = try server(limits)
        let client = try server.attach()
        let silent = try (0..<2).map { _ in try server.connect() }
        usleep(100_000)
        for _ in 0..<2 {
            let other = try server.attach()
            _ = try other.getattr(0)
        }
        #expect(silent.contains { $0.transport.receive() == nil })
        _ = try client.getattr(0)
    }

    /// Nor does it help to leave so many replies unread that there is no end to be sent.
    @Test func theSilentMakeRoomWhateverTheyDo() throws {
        var limits = Limits()
        limits.connections = 1
        limits.silence = 50_000_000
        let server = try server(limits)
        let hostile = try server.connect()
        // Refused, as no Tversion came before; a thousand unread replies, and more to come.
        let request = TestClient.message { $0.tgetattr(tag: 1, fid: 0, mask: 0x7ff) }
        for _ in 0..<400 {
            hostile.transport.send(Array(repeatElement(request, count: 10).joined()))
        }
        usleep(100_000)
        do {
            let client = try server.attach()
            _ = try client.getattr(0)
        }
        // Its place is free again; the end is noticed a moment later.
        for attempt in 0..<200 {
            if (try? server.attach()) != nil { break }
            try #require(attempt < 199)
            usleep(10_000)
        }
        _ = hostile
    }

    @Test func fidsAreCountedByConnection() throws {
        var limits = Limits()
        limits.fids = 4
        let server = try server(limits)
        let (first, second) = (try server.attach(), try server.attach())
        for fid: UInt32 in 1...3 { try first.walk(0, fid) }
        #expect(refusal { try first.walk(0, 4) } == EMFILE)
        for fid: UInt32 in 1...3 { try second.walk(0, fid) }
        // A new Tversion has them all back.
        try first.version()
        try first.attach(0)
        for fid: UInt32 in 1...3 { try first.walk(0, fid) }
    }

    /// A client that leaves more than so many bytes of replies unread waits.
    @Test func bytesOfReplies() throws {
        var limits = Limits()
        limits.pendingReplyBytes = 300_000
        let transport = try #require(MemoryTransport(server(limits).service))
        let client = TestClient(transport)
        try client.version(65_536)
        try client.attach(0)
        try client.walk(0, 1, "f")
        try client.open(1)
        transport.isHolding = true
        let request = TestClient.message {
            $0.readRequest(.tread, tag: 1, fid: 1, offset: 0, count: 60_000)
        }
        let requests = (0..<20).flatMap { _ in request }
        let taken = transport.offer(requests)
        // Each of its replies takes a buffer of 64 KiB.
        #expect(taken == 5 * request.count)
        transport.releaseHeld()
        #expect(transport.resumeCount == 1)
    }

    /// Half a request, for as long as its sender likes.
    @Test func aSenderThatStopsInMidMessageHoldsUpNobody() throws {
        let server = try server()
        let slow = try server.attach()
        let request = TestClient.message { $0.tgetattr(tag: 5, fid: 0, mask: 0x7ff) }
        slow.transport.send(Array(request[..<9]))
        for _ in 0..<4 {
            let client = try server.attach()
            try client.walk(0, 1, "f")
            try client.open(1)
            #expect(try client.readAll(1).count == Self.content.count)
        }
        slow.transport.send(Array(request[9...]))
        _ = try slow.receive(.tgetattr, tag: 5)
    }
}
