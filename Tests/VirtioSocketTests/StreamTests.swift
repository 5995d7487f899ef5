import CLinux
import Testing

@testable import VirtioSocket
@testable import VirtioSocketFuzzing

@Suite("Packet headers, credit and states")
struct StreamTests {
    @Test("The header's bytes are those of struct virtio_vsock_hdr")
    func headerLayout() throws {
        let header = VsockHeader(
            sourceCID: 0x0102_0304_0506_0708,
            destinationCID: 2,
            sourcePort: 0x1112_1314,
            destinationPort: 0x2122_2324,
            count: 0x3132_3334,
            type: 0x4142,
            operation: 0x5152,
            flags: 0x6162_6364,
            bufferAllocation: 0x7172_7374,
            forwardedCount: 0x8182_8384
        )
        let guest = try GuestSimulator()
        guest.write(header, at: 0)
        let bytes = Array(guest.mapping.bytes[..<44])
        var expected: [UInt8] = []
        expected.appendLittleEndian(header.sourceCID)
        expected.appendLittleEndian(header.destinationCID)
        expected.appendLittleEndian(header.sourcePort)
        expected.appendLittleEndian(header.destinationPort)
        expected.appendLittleEndian(header.count)
        expected.appendLittleEndian(header.type)
        expected.appendLittleEndian(header.operation)
        expected.appendLittleEndian(header.flags)
        expected.appendLittleEndian(header.bufferAllocation)
        expected.appendLittleEndian(header.forwardedCount)
        #expect(bytes == expected)
        #expect(VsockHeader(header.bytes) == header)
    }

    @Test("A header in pieces of any size is read and written whole", arguments: 1...44)
    func scatteredHeader(piece: Int) throws {
        let guest = try GuestSimulator(queueSize: 64)
        let header = EngineFixture.header(5, guestPort: 77, flags: 3, forwarded: 99)
        guest.write(header, at: 0x10_000)
        func chain(isWritable: Bool) throws -> DescriptorChain {
            var chain = DescriptorChain()
            for start in stride(from: 0, to: 50, by: piece) {
                try chain.append(
                    address: GuestSimulator.guestBase + UInt64(0x10_000 + start),
                    count: UInt32(min(piece, 50 - start)),
                    isWritable: isWritable,
                    memory: guest.memory()
                )
            }
            return chain
        }
        #expect(try chain(isWritable: false).header() == header)
        guest.mapping.bytes[0x10_000..<0x10_032].initializeMemory(as: UInt8.self, repeating: 0)
        let writable = try chain(isWritable: true)
        writable.write(header)
        #expect(try chain(isWritable: false).header() == header)
        var payload = 0
        writable.forEachWritablePiece(count: 6) { payload += $0.count }
        #expect(payload == 6)
    }

    @Test("Too short a header is none")
    func shortHeader() throws {
        let guest = try GuestSimulator()
        var chain = DescriptorChain()
        try chain.append(
            address: GuestSimulator.guestBase,
            count: 43,
            isWritable: false,
            memory: guest.memory()
        )
        #expect(chain.header() == nil)
    }

    @Test(
        "What the guest has room for",
        arguments: [
            // sent, allocation, forwarded, sendable
            (0, 1000, 0, 1000), (600, 1000, 0, 400), (1000, 1000, 0, 0), (1000, 1000, 700, 700),
            // A buffer made smaller than what is under way; more taken than was sent; none at all.
            (1000, 500, 0, 0), (10, 1000, 11, 0), (0, 0, 0, 0), (0, .max, 0, Int(UInt32.max)),
        ] as [(Int, UInt32, UInt32, Int)]
    )
    func sendable(sent: Int, allocation: UInt32, forwarded: UInt32, expected: Int) {
        var credit = StreamCredit(allocation: 1 << 20)
        credit.send(sent)
        credit.update(
            from: EngineFixture.header(6, allocation: allocation, forwarded: forwarded)
        )
        #expect(credit.sendable == expected)
    }

    @Test("Counts wrap around at 32 bits")
    func wrap() {
        var credit = StreamCredit(allocation: 1 << 20)
        var forwarded: UInt32 = 0
        for _ in 0..<5000 {
            credit.send(1 << 20)
            forwarded &+= 1 << 20
            credit.update(from: EngineFixture.header(6, allocation: 1 << 20, forwarded: forwarded))
            let fits = credit.receive(1 << 20)
            let exceeds = !credit.receive(1)
            #expect(fits && exceeds)
            credit.consume(1 << 20)
            var header = VsockHeader()
            #expect(credit.needsUpdate)
            credit.advertise(in: &header)
            #expect(!credit.needsUpdate)
            #expect(header.forwardedCount == forwarded)
        }
        #expect(credit.sendable == 1 << 20)
    }

    typealias Transition = (StreamState, StreamState.Event, StreamState, StreamState.Action)

    static let transitions: [Transition] = [
        (.open(guestShut: []), .guestReset, .gone, .forget),
        (.open(guestShut: []), .violation, .gone, .reset),
        (.open(guestShut: []), .inputDrained, .open(guestShut: []), .nothing),
        (.open(guestShut: []), .outputDrained, .open(guestShut: []), .nothing),
        (.open(guestShut: []), .hostClose, .finishing, .nothing),
        (.open(guestShut: []), .guestShutdown(.send), .open(guestShut: .send), .nothing),
        (.open(guestShut: .send), .guestShutdown(.receive), .open(guestShut: .both), .nothing),
        (.open(guestShut: .send), .inputDrained, .finishing, .nothing),
        (.open(guestShut: .receive), .inputDrained, .open(guestShut: .receive), .nothing),
        (.open(guestShut: .both), .inputDrained, .gone, .reset),
        (.open(guestShut: []), .guestShutdown([]), .open(guestShut: []), .nothing),
        (.finishing, .outputDrained, .awaitingReset, .sendShutdown),
        (.finishing, .guestShutdown(.send), .finishing, .nothing),
        (.finishing, .guestShutdown(.receive), .gone, .reset),
        (.finishing, .guestReset, .gone, .forget),
        (.awaitingReset, .outputDrained, .awaitingReset, .nothing),
        (.awaitingReset, .guestShutdown(.both), .gone, .reset),
        (.awaitingReset, .guestReset, .gone, .forget),
        (.awaitingReset, .resetOverdue, .gone, .reset),
        (.open(guestShut: []), .resetOverdue, .open(guestShut: []), .nothing),
        (.gone, .violation, .gone, .nothing),
        (.gone, .hostClose, .gone, .nothing),
    ]

    @Test("States", arguments: transitions.indices)
    func transition(index: Int) {
        let (before, event, after, action) = Self.transitions[index]
        var state = before
        let result = state.apply(event)
        #expect(result == action)
        #expect(state == after)
    }
}
