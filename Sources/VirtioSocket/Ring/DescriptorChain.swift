/// What makes a virtqueue unusable: the driver has broken the virtio specification.
enum RingError: Error, Equatable {
    /// More buffers are said to be available than the queue has entries.
    case availableIndex(UInt16)
    case descriptorIndex(UInt16)
    case endlessChain
    /// `address` is the first of the buffer's that is in no region, `count` the buffer's length.
    case outsideMemory(address: UInt64, count: UInt32)
    case readableAfterWritable
    case indirectTable
    /// A receive buffer does not hold a packet's header.
    case shortBuffer(Int)
}

/// The buffers of one descriptor chain, each within guest memory. Reused for chain after chain.
@safe struct DescriptorChain {
    // SAFETY: the buffers come from GuestMemory's checked ranges and are used before the memory
    // table can change, on the device's own thread.
    private(set) var readable: [UnsafeMutableRawBufferPointer] = unsafe []
    private(set) var writable: [UnsafeMutableRawBufferPointer] = unsafe []
    private(set) var readableCount = 0
    private(set) var writableCount = 0

    mutating func clear() {
        unsafe readable.removeAll(keepingCapacity: true)
        unsafe writable.removeAll(keepingCapacity: true)
        readableCount = 0
        writableCount = 0
    }

    /// Adds one descriptor's buffer, in as many pieces as it spans regions.
    mutating func append(
        address: UInt64,
        count: UInt32,
        isWritable: Bool,
        memory: GuestMemory
    ) throws(RingError) {
        // virtio 1.2, 2.7.4.2: all device-readable descriptors come before any writable one.
        guard isWritable || writableCount == 0 else { throw .readableAfterWritable }
        var address = address
        var remaining = Int(count)
        while remaining > 0 {
            guard let piece = unsafe memory.piece(guestAddress: address, count: remaining) else {
                throw .outsideMemory(address: address, count: count)
            }
            if isWritable {
                unsafe writable.append(piece)
            } else {
                unsafe readable.append(piece)
            }
            remaining -= piece.count
            // Regions do not wrap around, so neither does this.
            address &+= UInt64(piece.count)
        }
        if isWritable { writableCount += Int(count) } else { readableCount += Int(count) }
    }
}
