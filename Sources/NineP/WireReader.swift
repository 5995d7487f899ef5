/// Where a string or a run of data lies within a message; nothing is copied by decoding.
package struct WireBytes: Equatable, Sendable {
    /// From the start of the message, in bytes.
    package let offset: Int
    package let count: Int

    package init(offset: Int, count: Int) {
        self.offset = offset
        self.count = count
    }
}

/// A cursor over one whole message, little-endian.
///
/// Reading past the end gives zeros and is remembered: decoders read all fields and ask
/// `isComplete` once. Nothing here traps on any input.
@safe package struct WireReader {
    // SAFETY: the creator keeps the memory alive and unchanged while the reader is used; every
    // access is checked against `bytes.count` before.
    private let bytes: UnsafeRawBufferPointer
    package private(set) var offset = 0
    /// A field lay beyond the end.
    package private(set) var failed = false

    package init(_ message: UnsafeRawBufferPointer) { unsafe bytes = message }

    package var remaining: Int { unsafe bytes.count - offset }

    /// All fields were there, and nothing follows them.
    package var isComplete: Bool { !failed && remaining == 0 }

    private mutating func advance(_ count: Int) -> Int? {
        guard !failed, count <= remaining else {
            failed = true
            return nil
        }
        defer { offset += count }
        return offset
    }

    package mutating func u8() -> UInt8 {
        guard let at = advance(1) else { return 0 }
        return unsafe bytes[at]
    }

    package mutating func u16() -> UInt16 {
        guard let at = advance(2) else { return 0 }
        return UInt16(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: at, as: UInt16.self))
    }

    package mutating func u32() -> UInt32 {
        guard let at = advance(4) else { return 0 }
        return UInt32(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
    }

    package mutating func u64() -> UInt64 {
        guard let at = advance(8) else { return 0 }
        return UInt64(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
    }

    package mutating func qid() -> Qid {
        Qid(kind: Qid.Kind(rawValue: u8()), version: u32(), path: u64())
    }

    /// A string: its length in two bytes, then as many bytes, without a NUL.
    package mutating func string() -> WireBytes { data(count: Int(u16())) }

    package mutating func data(count: Int) -> WireBytes {
        guard let at = advance(count) else { return WireBytes(offset: 0, count: 0) }
        return WireBytes(offset: at, count: count)
    }

    package mutating func skip(to offset: Int) {
        guard offset >= 0, unsafe offset <= bytes.count else {
            failed = true
            return
        }
        self.offset = offset
    }

    /// The bytes that a decoded field names; empty should it not lie within this message.
    package func slice(_ field: WireBytes) -> UnsafeRawBufferPointer {
        guard field.offset >= 0, field.count >= 0, unsafe field.offset <= bytes.count,
            unsafe field.count <= bytes.count - field.offset
        else { return unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
        return unsafe UnsafeRawBufferPointer(
            rebasing: bytes[field.offset..<field.offset + field.count]
        )
    }

    /// A copy of the bytes that a decoded field names.
    package func copy(_ field: WireBytes) -> [UInt8] { unsafe Array(slice(field)) }
}

/// size[4] type[1] tag[2].
package struct MessageHeader: Equatable, Sendable {
    /// Of the whole message, itself included, in bytes.
    package let size: UInt32
    package let rawType: UInt8
    package let tag: UInt16

    package init(from reader: inout WireReader) {
        size = reader.u32()
        rawType = reader.u8()
        tag = reader.u16()
    }

    package var type: MessageType? { MessageType(rawValue: rawType) }
}
