import CLinux
import FuzzSupport
import SystemIO

@testable import VirtioSocket

/// A guest's driver that mostly keeps to the specification, and now and then does not.
struct GuestActions {
    let guest: GuestSimulator
    /// False from the first nonsense on: what comes back cannot be judged then.
    private(set) var isIntact = true
    /// Where each stream's bytes from the host have got to.
    private var positions: [StreamKey: Int] = [:]

    static let cid: UInt64 = 42
    static let ports: [UInt32] = [7, 8, 9]

    init(_ guest: GuestSimulator) { self.guest = guest }

    mutating func act(_ choices: inout Choices) {
        switch choices.below(24) {
        case 0...3: send(VsockHeader.Operation.request, &choices)
        case 4...10: send(VsockHeader.Operation.readWrite, &choices)
        case 11: send(VsockHeader.Operation.creditUpdate, &choices)
        case 12: send(VsockHeader.Operation.creditRequest, &choices)
        case 13: send(VsockHeader.Operation.shutdown, &choices)
        case 14: send(VsockHeader.Operation.reset, &choices)
        case 15: send(choices.u16(), &choices)
        case 16:
            guest.setUsedEvent(choices.oneIn(2) ? guest.receive : guest.transmit, choices.u16())
        case 17...20: post(&choices)
        default: if choices.oneIn(4) { damage(&choices) } else { post(&choices) }
        }
    }

    private mutating func send(_ operation: UInt16, _ choices: inout Choices) {
        // Slots that the device has not given back are not written.
        guard guest.hasTransmitRoom else { return }
        let allocations: [UInt32] = [0, 1, 5000, 1 << 18, .max]
        var header = VsockHeader(
            sourceCID: Self.cid,
            destinationCID: VsockHeader.hostCID,
            sourcePort: UInt32(choices.below(4)),
            destinationPort: choices.oneIn(16) ? choices.u32() : Self.ports[0],
            operation: operation,
            flags: operation == VsockHeader.Operation.shutdown ? UInt32(choices.below(5)) : 0,
            bufferAllocation: choices.pick(allocations),
            forwardedCount: choices.oneIn(4) ? choices.u32() : 0
        )
        if let position = positions[StreamKey(guestPort: header.sourcePort, hostPort: 7)],
            header.forwardedCount == 0
        {
            header.forwardedCount = UInt32(truncatingIfNeeded: position)
        }
        switch choices.below(64) {
        case 0: header.type = choices.u16()
        case 1: header.sourceCID = choices.u64()
        case 2: header.destinationCID = choices.u64()
        default: break
        }
        let length =
            operation == VsockHeader.Operation.readWrite ? choices.below(3000) : choices.below(2)
        guest.send(header, [UInt8](repeating: 0x70, count: length))
        if choices.oneIn(32) {
            // The header lies about the payload.
            isIntact = false
            header.count = choices.u32()
            guest.write(header, at: guest.lastTransmitBuffer)
        }
    }

    /// Takes what came and gives the buffers back, or smaller ones.
    private mutating func post(_ choices: inout Choices) {
        let size: UInt32 = choices.oneIn(4) ? 45 + UInt32(choices.byte()) : 4096
        guest.postReceiveBuffers(guest.freeReceiveSlots, size: size)
    }

    /// Writes nonsense where the device reads.
    private mutating func damage(_ choices: inout Choices) {
        isIntact = false
        let ring = choices.oneIn(2) ? guest.receive : guest.transmit
        switch choices.below(4) {
        case 0: guest.store(choices.byte(), at: ring.offset + choices.below(256))
        case 1: guest.store(choices.u16(), at: ring.offset + 0x2000 + choices.below(20) * 2)
        case 2:
            let address = GuestSimulator.guestBase &+ UInt64(choices.u16()) << choices.below(9)
            guest.describe(
                ring,
                choices.below(16),
                address: choices.oneIn(8) ? choices.u64() : address,
                count: choices.oneIn(2) ? choices.u32() : UInt32(choices.u16()),
                flags: UInt16(choices.below(8)),
                next: UInt16(choices.below(18))
            )
        default:
            if choices.oneIn(2) {
                guest.offer(&guest.receive, head: UInt16(choices.below(18)))
            } else {
                guest.offer(&guest.transmit, head: UInt16(choices.below(18)))
            }
        }
    }

    /// A driver that starts anew: nothing of the old connections is known.
    mutating func reset() {
        positions = [:]
        isIntact = true
    }

    /// Takes what the device has sent unseen.
    func skip() { guest.receive.used = guest.usedIndex(guest.receive) }

    /// Looks at what the device has sent.
    mutating func take() throws(Violation) {
        guard isIntact else { return skip() }
        for packet in guest.takeReceived() {
            let header = packet.header
            try require(
                header.sourceCID == VsockHeader.hostCID && header.destinationCID == Self.cid,
                "a packet from \(header.sourceCID) to \(header.destinationCID)"
            )
            let key = StreamKey(guestPort: header.destinationPort, hostPort: header.sourcePort)
            switch header.operation {
            case VsockHeader.Operation.response: positions[key] = 0
            case VsockHeader.Operation.readWrite:
                try require(
                    Int(header.count) == packet.payload.count && header.count > 0,
                    "\(packet.payload.count) bytes of payload, said to be \(header.count)"
                )
                guard let position = positions[key] else { throw Violation("data before RESPONSE") }
                let expected = FuzzService.part(at: position, count: packet.payload.count)
                try require(
                    packet.payload.elementsEqual(expected),
                    "bytes from \(position) of a stream on are another's"
                )
                positions[key] = position + packet.payload.count
            case VsockHeader.Operation.reset, VsockHeader.Operation.shutdown,
                VsockHeader.Operation.creditUpdate:
                try require(packet.payload.isEmpty, "a payload with operation \(header.operation)")
            default: throw Violation("operation \(header.operation)")
            }
        }
    }
}
