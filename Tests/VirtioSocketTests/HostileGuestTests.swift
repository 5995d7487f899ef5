import ByteStream
import CLinux
import SystemIO
import TestSupport
import Testing

@testable import VirtioSocket
@testable import VirtioSocketFuzzing

@Suite("Hostile guests", .timeLimit(.minutes(1)))
struct HostileGuestTests {
    /// Random bytes over rings and buffers, in between packets that make sense, so that there are
    /// connections to damage.
    @Test("Random rings, descriptors and headers never trap or hang", arguments: UInt64(0)..<16)
    func randomMemory(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        for _ in 0..<6 {
            var limits = VsockEngine.Limits()
            limits.allocation = 5000
            limits.connections = 4
            let fixture = try EngineFixture(
                limits: limits,
                hasEventIndex: random.next() % 2 == 0,
                behaviour: random.next() % 2 == 0 ? .echo : .slow
            )
            do {
                for _ in 0..<60 { try step(fixture, &random) }
            } catch is RingError {
                fixture.engine.closeAll()
            }
            #expect(fixture.engine.streams.count <= 4)
        }
    }

    private func step(_ fixture: EngineFixture, _ random: inout SplitMix) throws {
        let guest = fixture.guest
        switch random.next() % 12 {
        case 0:
            let table = random.next() % 2 == 0 ? guest.transmit : guest.receive
            let at = table.offset + Int(random.next() % 256)
            guest.store(UInt8(truncatingIfNeeded: random.next()), at: at)
        case 1 where random.next() % 8 == 0:
            let ring = random.next() % 2 == 0 ? guest.transmit : guest.receive
            guest.store(
                UInt16(truncatingIfNeeded: random.next()),
                at: ring.offset + 0x2000 + Int(random.next() % 40) / 2 * 2
            )
        case 2:
            for handler in fixture.service.handlers.suffix(3) {
                handler.grant(Int(random.next() % 3000))
                handler.connection.resume()
                if random.next() % 10 == 0 { handler.connection.close() }
                handler.connection.send(
                    Messages.message(Messages.pattern(Int(random.next() % 9000)))
                )
            }
        case 3: _ = fixture.receive()
        default:
            var header = EngineFixture.header(
                UInt16(random.next() % 9),
                port: random.next() % 8 == 0 ? 8 : 7,
                guestPort: UInt32(random.next() % 6),
                flags: UInt32(random.next() % 5),
                allocation: UInt32(truncatingIfNeeded: random.next() >> (random.next() % 64)),
                forwarded: UInt32(truncatingIfNeeded: random.next() >> (random.next() % 64))
            )
            if random.next() % 20 == 0 { header.type = 2 }
            guest.send(header, Messages.pattern(Int(random.next() % 6000)))
        }
        try fixture.run()
    }

    @Test("A ring that is broken while it runs is given up, and the frontend hears of it")
    func brokenRing() throws {
        let fixture = try DeviceTests.Fixture()
        let frontend = try fixture.frontend()
        try frontend.start()
        let handler = try fixture.connect(frontend)
        frontend.guest.store(UInt16(500), at: frontend.guest.transmit.offset + 0x2002)
        frontend.kicks[1].signal()
        #expect(fixture.events.wait(for: .protocolError("virtqueue: availableIndex(499)")))
        #expect(handler.closedCount == 1)
        // The device still answers, and a reset driver is served.
        let base = try frontend.ask(11, VhostUserMessageTests.bytes(prefix: [1, 0]))
        #expect(base.count == 8)
    }

    @Test("A receive buffer too small for a packet is an error")
    func shortReceiveBuffer() throws {
        let fixture = try EngineFixture(receiveBuffers: 0)
        fixture.guest.postReceiveBuffers(1, size: 44)
        fixture.guest.send(EngineFixture.header(VsockHeader.Operation.request))
        #expect(throws: RingError.shortBuffer(44)) { try fixture.run() }
    }
}
