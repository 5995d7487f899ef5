/// Both directions of one connection's credit (virtio 1.2, section 5.10.6.3). All counts are bytes
/// and wrap around at 32 bits.
struct StreamCredit: Equatable {
    /// Our receive buffer for this connection, as told to the guest.
    let allocation: UInt32
    /// Bytes the guest has sent, the part of them that the handler has taken, and the last such
    /// count that the guest was told.
    private(set) var received: UInt32 = 0
    private(set) var consumed: UInt32 = 0
    private(set) var advertised: UInt32 = 0

    /// Bytes sent to the guest, and what it has last said of its own buffer.
    private(set) var sent: UInt32 = 0
    private(set) var peerAllocation: UInt32 = 0
    private(set) var peerForwarded: UInt32 = 0

    init(allocation: UInt32) { self.allocation = allocation }

    /// Takes over what any packet of the guest says of its buffer.
    /// - Returns: whether more may be sent than before.
    @discardableResult
    mutating func update(from header: VsockHeader) -> Bool {
        let before = sendable
        peerAllocation = header.bufferAllocation
        peerForwarded = header.forwardedCount
        return sendable > before
    }

    /// How many bytes the guest has room for. A guest that claims to have taken more than was sent,
    /// or shrinks its buffer below what is under way, gets nothing.
    var sendable: Int {
        let underWay = sent &- peerForwarded
        return underWay < peerAllocation ? Int(peerAllocation - underWay) : 0
    }

    mutating func send(_ count: Int) { sent &+= UInt32(truncatingIfNeeded: count) }

    /// Counts bytes from the guest.
    /// - Returns: false when they exceed what it was given.
    mutating func receive(_ count: UInt32) -> Bool {
        let held = received &- consumed
        guard count <= allocation, held <= allocation - count else { return false }
        received &+= count
        return true
    }

    /// The handler has taken `count` of the bytes received.
    mutating func consume(_ count: Int) { consumed &+= UInt32(truncatingIfNeeded: count) }

    /// Whether the guest should hear of its room now. Any packet tells it; a packet just for this
    /// costs the guest an interrupt, so it waits until half of the window is known to be free.
    ///
    /// The window is the smaller of both buffers: Linux sends no more ahead than its own holds
    /// (virtio_transport_tx_buf_size in net/vmw_vsock/virtio_transport_common.c).
    var needsUpdate: Bool {
        consumed &- advertised >= max(1, min(allocation, peerAllocation) / 2)
    }

    /// Fills in what every packet to the guest says of our buffer.
    mutating func advertise(in header: inout VsockHeader) {
        header.bufferAllocation = allocation
        header.forwardedCount = consumed
        advertised = consumed
    }
}
