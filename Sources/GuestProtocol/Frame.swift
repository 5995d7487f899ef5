import Checksums

/// Why a byte stream is not a sequence of frames. The stream cannot be used any further.
package enum FrameError: Error, Equatable, Sendable, CustomStringConvertible {
    case badMagic(UInt32)
    /// The payload's announced (or, when encoding, real) length in bytes.
    case payloadTooLong(Int)
    case badChecksum(expected: UInt32, found: UInt32)

    package var description: String {
        switch self {
        case .badMagic(let value): "not a frame: magic is 0x\(String(value, radix: 16))"
        case .payloadTooLong(let count): "frame of \(count) bytes is over the limit"
        case .badChecksum: "frame is damaged: checksum differs"
        }
    }
}

/// One frame: magic, payload length, CRC-32C of length and payload (32 bits each, little-endian),
/// then the payload. Frames need nothing of what carries them but order and no loss.
package enum Frame {
    static let magic: UInt32 = 0x3144_4C42
    package static let headerSize = 12

    package static func encode(_ payload: [UInt8]) throws(FrameError) -> [UInt8] {
        guard payload.count <= ControlProtocol.maximumPayload else {
            throw .payloadTooLong(payload.count)
        }
        var header = WireWriter()
        header.append(magic)
        header.append(UInt32(payload.count))
        header.append(checksum(length: UInt32(payload.count), payload[...]))
        return header.bytes + payload
    }

    static func checksum(length: UInt32, _ payload: ArraySlice<UInt8>) -> UInt32 {
        var prefix = WireWriter()
        prefix.append(length)
        var crc = CRC32C()
        crc.update(prefix.bytes)
        crc.update(payload)
        return crc.value
    }
}

/// Cuts a byte stream into payloads: bytes go in as they come, whole payloads come out.
///
/// Holds at most one frame and what was pushed behind it. After an error it keeps throwing it.
package struct FrameDecoder: Sendable {
    private var buffer: [UInt8] = []
    private var start = 0
    private var failure: FrameError?

    package init() {}

    /// Bytes that wait for the rest of their frame; not 0 at the stream's end means a cut frame.
    package var pendingBytes: Int { buffer.count - start }

    package mutating func push(_ bytes: some Sequence<UInt8>) {
        if start > 0 {
            buffer.removeFirst(start)
            start = 0
        }
        if failure == nil { buffer.append(contentsOf: bytes) }
    }

    /// The next whole payload, or nil when more bytes are needed.
    package mutating func next() throws(FrameError) -> [UInt8]? {
        if let failure { throw failure }
        do {
            return try cut()
        } catch {
            failure = error
            buffer = []
            start = 0
            throw error
        }
    }

    private mutating func cut() throws(FrameError) -> [UInt8]? {
        guard pendingBytes >= 4 else { return nil }
        let magic = field(0)
        guard magic == Frame.magic else { throw .badMagic(magic) }
        guard pendingBytes >= Frame.headerSize else { return nil }
        let length = field(4)
        guard length <= UInt32(ControlProtocol.maximumPayload) else {
            throw .payloadTooLong(Int(length))
        }
        let end = start + Frame.headerSize + Int(length)
        guard buffer.count >= end else { return nil }
        let payload = buffer[start + Frame.headerSize..<end]
        let expected = field(8)
        let found = Frame.checksum(length: length, payload)
        guard expected == found else { throw .badChecksum(expected: expected, found: found) }
        start = end
        return Array(payload)
    }

    /// The header's 32-bit field at `offset`; the caller has checked that it is there.
    private func field(_ offset: Int) -> UInt32 {
        (0..<4).reversed().reduce(UInt32(0)) { value, index in
            (value << 8) | UInt32(buffer[start + offset + index])
        }
    }
}
