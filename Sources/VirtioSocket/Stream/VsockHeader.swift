import CLinux

/// The header of every packet on the receive and transmit queues: struct virtio_vsock_hdr,
/// virtio 1.2, section 5.10.6. Little-endian, 44 bytes.
struct VsockHeader: Equatable {
    static let size = 44
    static let hostCID: UInt64 = 2

    /// Packet types.
    static let streamType: UInt16 = 1

    enum Operation {
        static let request: UInt16 = 1
        static let response: UInt16 = 2
        static let reset: UInt16 = 3
        static let shutdown: UInt16 = 4
        static let readWrite: UInt16 = 5
        static let creditUpdate: UInt16 = 6
        static let creditRequest: UInt16 = 7
    }

    var sourceCID: UInt64 = 0
    var destinationCID: UInt64 = 0
    var sourcePort: UInt32 = 0
    var destinationPort: UInt32 = 0
    /// Bytes of payload behind the header.
    var count: UInt32 = 0
    var type: UInt16 = streamType
    var operation: UInt16 = 0
    /// ``ShutdownFlags`` of a SHUTDOWN.
    var flags: UInt32 = 0
    /// The sender's receive buffer in bytes, and how many bytes it has taken out of it so far.
    var bufferAllocation: UInt32 = 0
    var forwardedCount: UInt32 = 0
}

/// Which directions the sender of a SHUTDOWN has closed.
struct ShutdownFlags: OptionSet, Equatable {
    let rawValue: UInt32
    /// It will receive no more.
    static let receive = ShutdownFlags(rawValue: 1)
    /// It will send no more.
    static let send = ShutdownFlags(rawValue: 2)
    static let both: ShutdownFlags = [.receive, .send]
}

extension VsockHeader {
    /// A header's bytes in host memory, so that guest memory is read and written once.
    typealias Bytes = InlineArray<6, UInt64>

    init(_ words: borrowing Bytes) {
        sourceCID = UInt64(littleEndian: words[0])
        destinationCID = UInt64(littleEndian: words[1])
        let ports = UInt64(littleEndian: words[2])
        sourcePort = UInt32(truncatingIfNeeded: ports)
        destinationPort = UInt32(truncatingIfNeeded: ports >> 32)
        let kind = UInt64(littleEndian: words[3])
        count = UInt32(truncatingIfNeeded: kind)
        type = UInt16(truncatingIfNeeded: kind >> 32)
        operation = UInt16(truncatingIfNeeded: kind >> 48)
        let credit = UInt64(littleEndian: words[4])
        flags = UInt32(truncatingIfNeeded: credit)
        bufferAllocation = UInt32(truncatingIfNeeded: credit >> 32)
        forwardedCount = UInt32(truncatingIfNeeded: UInt64(littleEndian: words[5]))
    }

    var bytes: Bytes {
        [
            sourceCID.littleEndian,
            destinationCID.littleEndian,
            (UInt64(sourcePort) | UInt64(destinationPort) << 32).littleEndian,
            (UInt64(count) | UInt64(type) << 32 | UInt64(operation) << 48).littleEndian,
            (UInt64(flags) | UInt64(bufferAllocation) << 32).littleEndian,
            UInt64(forwardedCount).littleEndian,
        ]
    }
}
