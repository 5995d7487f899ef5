import CLinux

/// The device's side of a split virtqueue (virtio 1.2, section 2.7). One thread uses it.
///
/// SAFETY: the three pointers are within mapped guest memory for the sizes that `init` states and
/// aligned as the specification demands; the memory outlives the queue, as the device drops its
/// queues before it changes its memory table. Indices are taken modulo `size`.
@safe struct SplitQueue {
    /// Entries; a power of two.
    let size: UInt16
    private let descriptors: UnsafeMutableRawPointer
    private let available: UnsafeMutableRawPointer
    private let used: UnsafeMutableRawPointer
    /// VIRTIO_F_EVENT_IDX was negotiated.
    private let hasEventIndex: Bool

    /// The next entry of the available ring to take.
    private(set) var nextAvailable: UInt16
    /// The next entry of the used ring to write.
    private var nextUsed: UInt16
    /// What the driver has been shown of the used ring.
    private var publishedUsed: UInt16

    static let maximumSize: UInt32 = 32768

    /// - Returns: nil unless `size` is a power of two and all parts lie in `memory`, aligned.
    init?(
        size: UInt32,
        addresses: VringAddresses,
        base: UInt16,
        hasEventIndex: Bool,
        memory: GuestMemory
    ) {
        guard size > 0, size <= Self.maximumSize, size & (size - 1) == 0 else { return nil }
        let count = Int(size)
        // Each ring ends with the other side's event index.
        guard
            let descriptors = unsafe memory.ring(
                userAddress: addresses.descriptors,
                count: count * 16,
                alignment: 16
            ),
            let available = unsafe memory.ring(
                userAddress: addresses.available,
                count: 6 + count * 2,
                alignment: 2
            ),
            let used = unsafe memory.ring(
                userAddress: addresses.used,
                count: 6 + count * 8,
                alignment: 4
            )
        else { return nil }
        self.size = UInt16(size)
        unsafe self.descriptors = descriptors
        unsafe self.available = available
        unsafe self.used = used
        self.hasEventIndex = hasEventIndex
        nextAvailable = base
        // A driver that carries on has a used index that lags behind nothing: all was published.
        nextUsed = unsafe clinux_load_acquire_u16(used + 2)
        publishedUsed = nextUsed
    }

    private var mask: UInt16 { size - 1 }

    /// How many chains the driver has made available and the device has not taken.
    ///
    /// A driver that is being removed takes back what it was not shown as used, and its index goes
    /// backwards by as much (virtqueue_detach_unused_buf in Linux): that is none.
    var availableCount: UInt16 {
        let count = unsafe clinux_load_acquire_u16(available + 2) &- nextAvailable
        return 0 &- count <= unpublishedCount ? 0 : count
    }

    /// Takes the next available chain, filling `chain`; nil when there is none.
    /// - Returns: the chain's head, for `complete`.
    mutating func next(
        into chain: inout DescriptorChain,
        memory: GuestMemory
    ) throws(RingError) -> UInt16? {
        let count = availableCount
        if count == 0 { return nil }
        guard count <= size else { throw .availableIndex(count) }
        let slot = Int(nextAvailable & mask)
        let head = unsafe clinux_load_acquire_u16(available + 4 + slot * 2)
        chain.clear()
        try walk(from: head, into: &chain, memory: memory)
        nextAvailable &+= 1
        return head
    }

    private func walk(
        from head: UInt16,
        into chain: inout DescriptorChain,
        memory: GuestMemory
    ) throws(RingError) {
        var index = head
        for _ in 0..<size {
            guard index < size else { throw .descriptorIndex(index) }
            let descriptor = unsafe Descriptor(at: descriptors + Int(index) * 16)
            guard !descriptor.isIndirect else { throw .indirectTable }
            try chain.append(
                address: descriptor.address,
                count: descriptor.count,
                isWritable: descriptor.isWritable,
                memory: memory
            )
            guard descriptor.hasNext else { return }
            index = descriptor.next
        }
        throw .endlessChain
    }

    /// Writes a used entry; the driver sees it after `publish`.
    /// - Parameter count: bytes written into the chain's writable buffers.
    mutating func complete(head: UInt16, count: Int) {
        let entry = unsafe used + 4 + Int(nextUsed & mask) * 8
        let value = UInt64(head) | UInt64(UInt32(truncatingIfNeeded: count)) << 32
        // The ring is aligned to 4 bytes only.
        unsafe entry.storeBytes(of: value.littleEndian, as: UInt64.self)
        nextUsed &+= 1
    }

    /// How far the queue has come; for `rewind`.
    struct Position {
        fileprivate let available: UInt16
        fileprivate let used: UInt16
    }

    var position: Position { Position(available: nextAvailable, used: nextUsed) }

    /// Takes back what was taken and completed since, none of which has been published: the chains are
    /// available again.
    mutating func rewind(to position: Position) {
        nextAvailable = position.available
        nextUsed = position.used
    }

    /// Entries written and not yet published.
    var unpublishedCount: UInt16 { nextUsed &- publishedUsed }

    /// Shows the driver all completed chains.
    /// - Returns: whether it asks for an interrupt.
    mutating func publish() -> Bool {
        let old = publishedUsed
        let new = nextUsed
        guard old != new else { return false }
        unsafe clinux_store_release_u16(used + 2, new)
        publishedUsed = new
        // The index must be visible before the driver's wish is read (virtio 1.2, 2.7.7.1).
        clinux_fence()
        if hasEventIndex {
            let event = unsafe clinux_load_acquire_u16(available + 4 + Int(size) * 2)
            return (new &- event &- 1) < (new &- old)
        }
        let noInterrupt: UInt16 = 1
        return unsafe clinux_load_acquire_u16(available) & noInterrupt == 0
    }

    /// Asks the driver for a kick once `count` more chains are available. Without event indices
    /// it kicks for each.
    /// - Returns: whether they are there already, so that no kick will come for them.
    mutating func enableKicks(count: UInt16 = 1) -> Bool {
        if hasEventIndex {
            let event = nextAvailable &+ count &- 1
            unsafe clinux_store_release_u16(used + 4 + Int(size) * 8, event)
        } else {
            unsafe clinux_store_release_u16(used, 0)
        }
        clinux_fence()
        return availableCount >= count
    }

    /// Asks for no kicks. With event indices there is nothing to do: the driver kicks only when it
    /// passes the one entry that `enableKicks` has named.
    mutating func disableKicks() {
        if !hasEventIndex { unsafe clinux_store_release_u16(used, 1) }
    }
}

/// One entry of the descriptor table, read once.
private struct Descriptor {
    let address: UInt64
    private let rest: UInt64

    /// SAFETY: the caller vouches for 16 readable bytes, aligned to 8.
    @unsafe init(at pointer: UnsafeMutableRawPointer) {
        address = unsafe clinux_load_u64(pointer)
        rest = unsafe clinux_load_u64(pointer + 8)
    }

    var count: UInt32 { UInt32(truncatingIfNeeded: rest) }
    private var flags: UInt16 { UInt16(truncatingIfNeeded: rest >> 32) }
    var next: UInt16 { UInt16(truncatingIfNeeded: rest >> 48) }
    var hasNext: Bool { flags & 1 != 0 }
    var isWritable: Bool { flags & 2 != 0 }
    var isIndirect: Bool { flags & 4 != 0 }
}
