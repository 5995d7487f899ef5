import ByteStream
import Testing

@testable import VirtioSocket
@testable import VirtioSocketFuzzing

@Suite("Connections between guest and services")
struct EngineConnectionTests {
    typealias Operation = VsockHeader.Operation

    @Test("A request is answered, and an echo comes back in the same pass with one interrupt")
    func echo() throws {
        let fixture = try EngineFixture(queueSize: 64)
        let handler = try fixture.connect()
        #expect(handler.connection.peerDescription == "vsock:42:1000")
        fixture.guest.setUsedEvent(fixture.guest.receive, fixture.guest.receive.used)
        fixture.interrupts.counts = [0, 0, 0]
        let packets = try fixture.exchange(
            EngineFixture.header(Operation.readWrite),
            Array("hello".utf8)
        )
        #expect(packets.count == 1)
        let packet = try #require(packets.first)
        #expect(packet.header.operation == Operation.readWrite)
        #expect(packet.header.sourceCID == 2 && packet.header.destinationCID == 42)
        #expect(packet.header.sourcePort == 7 && packet.header.destinationPort == 1000)
        #expect(packet.header.forwardedCount == 5)
        #expect(packet.header.bufferAllocation == 1 << 20)
        #expect(packet.payload == Array("hello".utf8))
        #expect(fixture.interrupts.counts == [1, 0, 0])
        #expect(handler.connection.queuedByteCount == 0)
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var port: UInt32 = 7
        var operation = Operation.request
        var type: UInt16 = 1
        var sourceCID: UInt64 = 42
        var destinationCID: UInt64 = 2
        /// nil: dropped without an answer.
        var answer: UInt16? = Operation.reset
    }

    @Test(
        "What the host does not serve is reset, as the kernel does it",
        arguments: [
            Refusal(testDescription: "port without a service", port: 99),
            Refusal(testDescription: "data without a connection", operation: Operation.readWrite),
            Refusal(testDescription: "unknown operation", operation: 77),
            Refusal(testDescription: "SEQPACKET", type: 2),
            Refusal(testDescription: "RST is not answered", operation: 3, answer: nil),
            Refusal(testDescription: "another guest's CID", sourceCID: 43, answer: nil),
            Refusal(testDescription: "not for the host", destinationCID: 1, answer: nil),
        ]
    )
    func refusal(_ refusal: Refusal) throws {
        let fixture = try EngineFixture()
        var header = EngineFixture.header(refusal.operation, port: refusal.port)
        header.type = refusal.type
        header.sourceCID = refusal.sourceCID
        header.destinationCID = refusal.destinationCID
        let packets = try fixture.exchange(header)
        #expect(packets.map(\.header.operation) == (refusal.answer.map { [$0] } ?? []))
        #expect(packets.allSatisfy { $0.header.type == refusal.type })
        #expect(fixture.service.handlers.isEmpty)
    }

    @Test("A service that refuses, and a guest with too many connections, are reset")
    func quota() throws {
        let refusing = try EngineFixture(behaviour: .refuse)
        let packets = try refusing.exchange(EngineFixture.header(Operation.request))
        #expect(packets.map(\.header.operation) == [Operation.reset])

        var limits = VsockEngine.Limits()
        limits.connections = 2
        let fixture = try EngineFixture(limits: limits)
        _ = try fixture.connect(guestPort: 1)
        _ = try fixture.connect(guestPort: 2)
        let third = try fixture.exchange(EngineFixture.header(Operation.request, guestPort: 3))
        #expect(third.map(\.header.operation) == [Operation.reset])
        #expect(fixture.engine.streams.count == 2)
    }

    @Test("The guest's RST ends the connection once, without an answer")
    func guestReset() throws {
        let fixture = try EngineFixture()
        let handler = try fixture.connect()
        #expect(try fixture.exchange(EngineFixture.header(Operation.reset)).isEmpty)
        #expect(handler.closedCount == 1)
        handler.connection.send(Messages.message([1]))
        handler.connection.close()
        try fixture.run()
        #expect(fixture.receive().isEmpty)
        #expect(handler.closedCount == 1)
    }

    @Test("The guest's full SHUTDOWN is answered with RST when its bytes are taken")
    func guestShutdown() throws {
        let fixture = try EngineFixture(behaviour: .slow)
        let handler = try fixture.connect()
        _ = try fixture.exchange(EngineFixture.header(Operation.readWrite), [1, 2, 3])
        let early = try fixture.exchange(EngineFixture.header(Operation.shutdown, flags: 3))
        #expect(early.isEmpty && handler.closedCount == 0)
        handler.grant(10)
        handler.connection.resume()
        try fixture.run()
        #expect(handler.bytes == [1, 2, 3])
        #expect(handler.closedCount == 1)
        #expect(fixture.receive().map(\.header.operation) == [Operation.reset])
        #expect(fixture.engine.streams.isEmpty)
    }

    @Test("A guest that has only stopped sending gets what is queued, then the end")
    func halfClose() throws {
        let fixture = try EngineFixture()
        let handler = try fixture.connect()
        fixture.guest.send(EngineFixture.header(Operation.readWrite), Array("bye".utf8))
        let packets = try fixture.exchange(EngineFixture.header(Operation.shutdown, flags: 2))
        #expect(packets.map(\.header.operation) == [Operation.readWrite, Operation.shutdown])
        #expect(packets.first?.payload == Array("bye".utf8))
        #expect(handler.closedCount == 1)
    }

    @Test("A host's close delivers what is queued, then SHUTDOWN, and waits for RST")
    func hostClose() throws {
        let fixture = try EngineFixture(behaviour: .swallow)
        let handler = try fixture.connect()
        handler.connection.send(Messages.message(Messages.pattern(10_000)))
        handler.connection.close()
        try fixture.run()
        let packets = fixture.receive()
        #expect(packets.last?.header.operation == Operation.shutdown)
        #expect(packets.last?.header.flags == 3)
        #expect(packets.dropLast().flatMap(\.payload) == Messages.pattern(10_000))
        #expect(handler.closedCount == 1)
        #expect(fixture.engine.sleepLimit >= 0)
        // Late bytes of the guest are dropped, not answered.
        let late = try fixture.exchange(EngineFixture.header(Operation.readWrite), [1])
        #expect(late.isEmpty && handler.bytes.isEmpty)
        #expect(try fixture.exchange(EngineFixture.header(Operation.reset)).isEmpty)
        #expect(fixture.engine.streams.isEmpty)
        #expect(handler.closedCount == 1)
    }

    @Test("A guest that never answers SHUTDOWN is reset after a while")
    func overdueReset() throws {
        var limits = VsockEngine.Limits()
        limits.resetDelay = 0
        let fixture = try EngineFixture(limits: limits)
        let handler = try fixture.connect()
        handler.connection.close()
        try fixture.run()
        #expect(fixture.receive().map(\.header.operation) == [Operation.shutdown])
        fixture.engine.tick()
        try fixture.run()
        #expect(fixture.receive().map(\.header.operation) == [Operation.reset])
        #expect(fixture.engine.streams.isEmpty)
    }

    @Test("A second request from a port replaces the connection of a guest that forgot it")
    func repeatedRequest() throws {
        let fixture = try EngineFixture()
        let first = try fixture.connect()
        let second = try fixture.connect()
        #expect(first.closedCount == 1 && second.closedCount == 0)
        #expect(fixture.engine.streams.count == 1)
        // The first one's late requests touch nothing.
        first.connection.send(Messages.message([9]))
        first.connection.close()
        try fixture.run()
        #expect(fixture.receive().isEmpty)
    }

    @Test("When the frontend goes, every handler hears of it once")
    func closeAll() throws {
        let fixture = try EngineFixture()
        let handlers = try (1...5).map { try fixture.connect(guestPort: $0) }
        fixture.engine.closeAll()
        fixture.engine.closeAll()
        #expect(handlers.map(\.closedCount) == [1, 1, 1, 1, 1])
    }

    @Test("What was posted and never collected goes with the device")
    func postedConnectionsAreForgotten() throws {
        weak var mailbox: Mailbox?
        do {
            let fixture = try EngineFixture()
            let handler = try fixture.connect()
            handler.connection.send(Messages.message([1, 2, 3]))
            mailbox = fixture.engine.mailbox
            fixture.engine.closeAll()
        }
        #expect(mailbox == nil)
    }
}
