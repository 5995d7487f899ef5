import ByteStream
import CLinux
import Synchronization
import SystemIO
import SystemPackage

@testable import VirtioSocket

/// A guest's memory with two virtqueues in it, driven as a driver would; also by writing nonsense.
///
/// Layout: rings in the first pages, then a 4 KiB receive and a 64 KiB transmit buffer for each
/// descriptor pair.
final class GuestSimulator {
    static let guestBase: UInt64 = 0x1_0000_0000
    static let userBase: UInt64 = 0x7f00_0000_0000
    static let size = 8 << 20

    let file: SharedFD
    let mapping: SharedMapping
    var base: UnsafeMutableRawPointer { mapping.bytes.baseAddress! }
    let queueSize: UInt16

    struct Ring {
        var offset: Int
        var available: UInt16 = 0
        var used: UInt16 = 0
    }
    var receive: Ring
    var transmit: Ring

    init(queueSize: UInt16 = 16) throws {
        let raw = try syscall { memfd_create("guest", UInt32(MFD_CLOEXEC)) }
        file = SharedFD(OwnedFD(raw))
        try syscall { ftruncate(raw, off_t(Self.size)) }
        mapping = try SharedMapping(file: file, offset: 0, size: UInt64(Self.size))
        self.queueSize = queueSize
        receive = Ring(offset: 0)
        transmit = Ring(offset: 0x8000)
    }

    // MARK: Layout

    func addresses(_ ring: Ring) -> VringAddresses {
        let start = Self.userBase + UInt64(ring.offset)
        return VringAddresses(
            descriptors: start,
            used: start + 0x4000,
            available: start + 0x2000
        )
    }

    /// Where two regions meet, so that some buffers lie across the seam.
    let seam = 3 << 20

    func memory() -> GuestMemory {
        var memory = GuestMemory()
        _ = memory.add(
            guestAddress: Self.guestBase,
            userAddress: Self.userBase,
            host: UnsafeMutableRawBufferPointer(start: base, count: seam),
            owner: mapping
        )
        _ = memory.add(
            guestAddress: Self.guestBase + UInt64(seam),
            userAddress: Self.userBase + UInt64(seam),
            host: UnsafeMutableRawBufferPointer(start: base + seam, count: Self.size - seam),
            owner: mapping
        )
        return memory
    }

    func queue(_ ring: Ring, hasEventIndex: Bool = true) -> SplitQueue? {
        SplitQueue(
            size: UInt32(queueSize),
            addresses: addresses(ring),
            base: 0,
            hasEventIndex: hasEventIndex,
            memory: memory()
        )
    }

    func receiveBuffer(_ slot: Int) -> Int { 0x10_000 + slot * 4096 }
    func transmitBuffer(_ slot: Int) -> Int { 0x200_000 + slot * 0x11_000 }

    /// Where the packet sent last lies.
    var lastTransmitBuffer: Int {
        transmitBuffer(Int((transmit.available &- 1) & (queueSize / 2 - 1)))
    }

    /// Whether the device has given back the slot that the next packet takes.
    var hasTransmitRoom: Bool { transmit.available &- usedIndex(transmit) < queueSize / 2 }

    /// Receive buffers that the device does not have.
    var freeReceiveSlots: Int { max(0, Int(queueSize) - Int(receive.available &- receive.used)) }

    /// As made: rings and buffers of zeros.
    func clear() {
        memset(base, 0, receiveBuffer(Int(queueSize)))
        memset(base + transmitBuffer(0), 0, transmitBuffer(Int(queueSize) / 2) - transmitBuffer(0))
        receive = Ring(offset: receive.offset)
        transmit = Ring(offset: transmit.offset)
    }

    // MARK: Raw access

    func store<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
        base.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
    }

    func load<Value: FixedWidthInteger>(at offset: Int, as type: Value.Type) -> Value {
        Value(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: type))
    }

    func describe(
        _ ring: Ring,
        _ index: Int,
        address: UInt64,
        count: UInt32,
        flags: UInt16,
        next: UInt16 = 0
    ) {
        let at = ring.offset + index * 16
        store(address, at: at)
        store(count, at: at + 8)
        store(flags, at: at + 12)
        store(next, at: at + 14)
    }

    func offer(_ ring: inout Ring, head: UInt16) {
        store(
            head,
            at: ring.offset + 0x2000 + 4 + Int(ring.available & (queueSize - 1)) * 2
        )
        ring.available &+= 1
        store(ring.available, at: ring.offset + 0x2000 + 2)
    }

    /// Which used index the driver wants an interrupt at (EVENT_IDX).
    func setUsedEvent(_ ring: Ring, _ value: UInt16) {
        store(value, at: ring.offset + 0x2000 + 4 + Int(queueSize) * 2)
    }

    func availableEvent(_ ring: Ring) -> UInt16 {
        load(at: ring.offset + 0x4000 + 4 + Int(queueSize) * 8, as: UInt16.self)
    }

    func usedIndex(_ ring: Ring) -> UInt16 { load(at: ring.offset + 0x4000 + 2, as: UInt16.self) }

    // MARK: A well-behaved driver

    /// Makes `count` receive buffers of `size` bytes available, from `first` on.
    func postReceiveBuffers(_ count: Int, size: UInt32 = 4096) {
        for _ in 0..<count {
            let slot = receive.available & (queueSize - 1)
            describe(
                receive,
                Int(slot),
                address: Self.guestBase + UInt64(receiveBuffer(Int(slot))),
                count: size,
                flags: 2
            )
            offer(&receive, head: slot)
        }
    }

    /// Sends a packet, header and payload in a descriptor each. Queue slots are reused blindly.
    func send(_ header: VsockHeader, _ payload: [UInt8] = []) {
        let pairs = queueSize / 2
        let slot = Int(transmit.available & (pairs - 1))
        let start = transmitBuffer(slot)
        var header = header
        header.count = UInt32(payload.count)
        write(header, at: start)
        mapping.bytes[(start + 64)..<(start + 64 + payload.count)].copyBytes(from: payload)
        let address = Self.guestBase + UInt64(start)
        let next = UInt16(slot * 2 + 1)
        describe(
            transmit,
            slot * 2,
            address: address,
            count: UInt32(VsockHeader.size),
            flags: payload.isEmpty ? 0 : 1,
            next: next
        )
        describe(
            transmit,
            slot * 2 + 1,
            address: address + 64,
            count: UInt32(payload.count),
            flags: 0
        )
        offer(&transmit, head: UInt16(slot * 2))
    }

    func write(_ header: VsockHeader, at offset: Int) {
        let words = header.bytes
        for index in 0..<5 { store(UInt64(littleEndian: words[index]), at: offset + index * 8) }
        store(UInt32(truncatingIfNeeded: UInt64(littleEndian: words[5])), at: offset + 40)
    }

    /// Takes all used receive buffers.
    func takeReceived() -> [(header: VsockHeader, payload: [UInt8])] {
        var packets: [(header: VsockHeader, payload: [UInt8])] = []
        while receive.used != usedIndex(receive) {
            let entry =
                receive.offset + 0x4000 + 4 + Int(receive.used & (queueSize - 1)) * 8
            let head = load(at: entry, as: UInt32.self)
            let count = Int(load(at: entry + 4, as: UInt32.self))
            let start = receiveBuffer(Int(head))
            var words = VsockHeader.Bytes(repeating: 0)
            for index in 0..<5 {
                words[index] = load(at: start + index * 8, as: UInt64.self).littleEndian
            }
            words[5] = UInt64(load(at: start + 40, as: UInt32.self)).littleEndian
            let payload = Array(mapping.bytes[(start + VsockHeader.size)..<(start + count)])
            packets.append((VsockHeader(words), payload))
            receive.used &+= 1
        }
        return packets
    }
}
