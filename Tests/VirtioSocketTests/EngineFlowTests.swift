import ByteStream
import CLinux
import SystemIO
import SystemPackage
import Testing

@testable import VirtioSocket
@testable import VirtioSocketFuzzing

@Suite("Flow control in both directions")
struct EngineFlowTests {
    typealias Operation = VsockHeader.Operation

    @Test("What a full handler leaves is kept and offered again with what came since")
    func backpressure() throws {
        let fixture = try EngineFixture(behaviour: .slow)
        let handler = try fixture.connect()
        handler.grant(3)
        _ = try fixture.exchange(EngineFixture.header(Operation.readWrite), [1, 2, 3, 4, 5])
        _ = try fixture.exchange(EngineFixture.header(Operation.readWrite), [6, 7])
        #expect(handler.bytes == [1, 2, 3])
        handler.grant(3)
        handler.connection.resume()
        try fixture.run()
        #expect(handler.bytes == [1, 2, 3, 4, 5, 6])
        handler.grant(3)
        handler.connection.resume()
        try fixture.run()
        #expect(handler.bytes == [1, 2, 3, 4, 5, 6, 7])
        // The credit is for what was taken.
        let update = try fixture.exchange(EngineFixture.header(Operation.creditRequest))
        #expect(update.map(\.header.operation) == [Operation.creditUpdate])
        #expect(update.first?.header.forwardedCount == 7)
    }

    @Test("A guest that sends more than it was given is reset")
    func overrun() throws {
        var limits = VsockEngine.Limits()
        limits.allocation = 1000
        let fixture = try EngineFixture(limits: limits, behaviour: .slow)
        let handler = try fixture.connect()
        let data = EngineFixture.header(Operation.readWrite)
        #expect(try fixture.exchange(data, [UInt8](repeating: 0, count: 1000)).isEmpty)
        #expect(try fixture.exchange(data, [0]).map(\.header.operation) == [Operation.reset])
        #expect(handler.closedCount == 1)
    }

    @Test("A header that promises more than its buffers hold ends the connection")
    func liar() throws {
        let fixture = try EngineFixture()
        _ = try fixture.connect()
        fixture.guest.send(EngineFixture.header(Operation.readWrite), [1, 2, 3])
        let slot = Int((fixture.guest.transmit.available &- 1) & 7)
        fixture.guest.store(UInt32.max, at: fixture.guest.transmitBuffer(slot) + 24)
        try fixture.run()
        #expect(fixture.receive().map(\.header.operation) == [Operation.reset])
    }

    @Test("Credit is told when half of the smaller window is free, not with each packet")
    func creditUpdates() throws {
        let fixture = try EngineFixture(behaviour: .swallow)
        _ = try fixture.connect(allocation: 40_000)
        let data = EngineFixture.header(Operation.readWrite, allocation: 40_000)
        let answers = try (0..<8).map { _ in
            try fixture.exchange(data, [UInt8](repeating: 1, count: 5000)).count
        }
        #expect(answers == [0, 0, 0, 1, 0, 0, 0, 1])
    }

    @Test("Output stops at the guest's credit and goes on when there is more")
    func guestCredit() throws {
        let fixture = try EngineFixture(behaviour: .swallow)
        let handler = try fixture.connect(allocation: 6000)
        let bytes = Messages.pattern(20_000)
        handler.connection.send(Messages.message(bytes))
        try fixture.run()
        var got = fixture.receive().flatMap(\.payload)
        #expect(got.count == 6000)
        #expect(handler.connection.queuedByteCount == 14_000)
        while got.count < bytes.count {
            let update = EngineFixture.header(
                Operation.creditUpdate,
                allocation: 6000,
                forwarded: UInt32(got.count)
            )
            let more = try fixture.exchange(update).flatMap(\.payload)
            #expect(!more.isEmpty)
            if more.isEmpty { break }
            got += more
        }
        #expect(got == bytes)
    }

    @Test("Packets are full: small messages share them, large ones fill buffer after buffer")
    func fullPackets() throws {
        let fixture = try EngineFixture(behaviour: .swallow)
        let handler = try fixture.connect()
        for byte in 0..<100 { handler.connection.send(Messages.message([UInt8(byte)])) }
        handler.connection.send(Messages.message(Messages.pattern(10_000)))
        try fixture.run()
        let packets = fixture.receive()
        #expect(packets.map(\.payload.count) == [4052, 4052, 1996])
        #expect(
            packets.flatMap(\.payload) == (0..<100).map { UInt8($0) } + Messages.pattern(10_000)
        )
    }

    @Test("Without receive buffers output waits for the guest's kick")
    func starvation() throws {
        let fixture = try EngineFixture(receiveBuffers: 2, behaviour: .swallow)
        let handler = try fixture.connect()
        handler.connection.send(Messages.message(Messages.pattern(9000)))
        try fixture.run()
        // The response's buffer was given back, so there are two again.
        let first = fixture.guest.takeReceived()
        #expect(first.map(\.payload.count) == [4052, 4052])
        #expect(
            fixture.guest.availableEvent(fixture.guest.receive) == fixture.guest.receive.available
        )
        fixture.guest.postReceiveBuffers(1)
        try fixture.run()
        #expect(fixture.guest.takeReceived().map(\.payload.count) == [896])
    }

    @Test("A starved guest is asked for a quarter of the queue, and after a while anything will do")
    func starvationPortion() throws {
        var limits = VsockEngine.Limits()
        limits.starvationDelay = .max
        let fixture = try EngineFixture(limits: limits, receiveBuffers: 1, behaviour: .swallow)
        let handler = try fixture.connect()
        handler.connection.send(Messages.message(Messages.pattern(50_000)))
        try fixture.run()
        let guest = fixture.guest
        #expect(guest.takeReceived().count == 1)
        #expect(guest.availableEvent(guest.receive) == guest.receive.available &+ 3)
        guest.postReceiveBuffers(3)
        try fixture.run()
        #expect(guest.takeReceived().isEmpty)
        guest.postReceiveBuffers(1)
        try fixture.run()
        #expect(guest.takeReceived().count == 4)

        limits.starvationDelay = 0
        let patient = try EngineFixture(limits: limits, receiveBuffers: 1, behaviour: .swallow)
        try patient.connect().connection.send(Messages.message(Messages.pattern(50_000)))
        try patient.run()
        _ = patient.guest.takeReceived()
        patient.guest.postReceiveBuffers(1)
        try patient.run()
        #expect(patient.guest.takeReceived().count == 1)
    }

    @Test("A guest that asks without taking answers has to wait, and loses nothing")
    func replyLimit() throws {
        var limits = VsockEngine.Limits()
        limits.replies = 4
        let fixture = try EngineFixture(limits: limits, receiveBuffers: 0)
        for port in UInt32(0)..<8 {
            fixture.guest.send(EngineFixture.header(Operation.request, port: 90 + port))
        }
        try fixture.run()
        #expect(fixture.engine.replies.count == 4)
        var answered: [UInt32] = []
        for _ in 0..<8 {
            fixture.guest.postReceiveBuffers(1)
            try fixture.run()
            answered += fixture.guest.takeReceived().map(\.header.sourcePort)
        }
        #expect(answered == Array(90..<98))
    }

    @Test(
        "A file's bytes follow their message; what the file has lost becomes zeros",
        arguments: [(10_000, 10_000), (10_000, 6000), (10_000, 0), (1, 1), (65_536, 65_535)]
    )
    func fileSlice(promised: Int, present: Int) throws {
        let fixture = try EngineFixture(queueSize: 64, behaviour: .swallow)
        let handler = try fixture.connect()
        let lead = Messages.pattern(100)
        let file = try Messages.file(lead + Messages.pattern(present))
        let slice = FileSlice(file: file, offset: 100, count: promised)
        // Stale bytes in the guest's buffers must not pass for the file's.
        for slot in 0..<64 {
            let start = fixture.guest.receiveBuffer(slot)
            fixture.guest.mapping.bytes[start..<start + 4096].initializeMemory(
                as: UInt8.self,
                repeating: 0xee
            )
        }
        handler.connection.send(Messages.message([1, 2, 3], file: slice))
        handler.connection.send(Messages.message([4]))
        try fixture.run()
        let expected =
            [1, 2, 3] + Messages.pattern(present)
            + [UInt8](repeating: 0, count: promised - present) + [4]
        #expect(fixture.receive().flatMap(\.payload) == expected)
        #expect(handler.connection.queuedByteCount == 0)
    }

    /// Zeros in place of what the host cannot read would be believed.
    @Test func aFileThatCannotBeReadEndsTheConnection() throws {
        let fixture = try EngineFixture(queueSize: 64, behaviour: .swallow)
        let handler = try fixture.connect()
        let unreadable = SharedFD(try OwnedFD.open("/dev/null", O_WRONLY))
        let slice = FileSlice(file: unreadable, offset: 0, count: 10_000)
        handler.connection.send(Messages.message([1, 2, 3], file: slice))
        try fixture.run()
        let packets = fixture.receive()
        #expect(packets.map(\.header.operation) == [VsockHeader.Operation.reset])
        #expect(handler.connection.queuedByteCount == 0)
        // The buffers that had been taken for it are there for others.
        let other = try fixture.connect(guestPort: 1001)
        other.connection.send(Messages.message([9]))
        try fixture.run()
        #expect(fixture.receive().flatMap(\.payload) == [9])
    }

    enum End: CaseIterable {
        case delivered, guestReset, guestStopsReading, frontendGone, closedBefore
    }

    @Test("Every buffer goes back to its pool exactly once", arguments: End.allCases)
    func recycling(_ end: End) throws {
        let fixture = try EngineFixture(behaviour: .swallow)
        let pool = MessageBufferPool(capacity: 5000, limit: 100)
        let handler = try fixture.connect(allocation: end == .delivered ? 1 << 18 : 6000)
        if end == .closedBefore { handler.connection.close() }
        var sent: Set<ObjectIdentifier> = []
        for _ in 0..<10 {
            let message = Messages.message(Messages.pattern(5000), pool: pool)
            sent.insert(ObjectIdentifier(message.buffer))
            handler.connection.send(message)
        }
        let empty = Messages.message([], pool: pool)
        sent.insert(ObjectIdentifier(empty.buffer))
        handler.connection.send(empty)
        try fixture.run()
        switch end {
        case .delivered, .closedBefore: break
        case .guestReset: _ = try fixture.exchange(EngineFixture.header(Operation.reset))
        case .guestStopsReading:
            _ = try fixture.exchange(EngineFixture.header(Operation.shutdown, flags: 1))
        case .frontendGone: fixture.engine.closeAll()
        }
        #expect(handler.connection.queuedByteCount == 0)
        // Twice in the pool would be seen as a buffer taken twice. A refused message's buffer is
        // reused by the next `take`, so there may be fewer than were sent.
        let back = (0..<sent.count).map { _ in pool.take() }
        #expect(Set(back.map { ObjectIdentifier($0) }) == sent)
        #expect(!sent.contains(ObjectIdentifier(pool.take())))
    }
}
