/// Writes messages into memory of fixed size, little-endian, without allocating.
///
/// Writing past the end writes nothing and is remembered: `finish()` then returns nil.
@safe package struct WireWriter {
    // SAFETY: the creator keeps the memory alive and unshared while the writer is used; every
    // store is checked against `storage.count` before.
    private let storage: UnsafeMutableRawBufferPointer
    /// Bytes written so far, the header included.
    package private(set) var count = 0
    private var overflowed = false

    package init(_ storage: UnsafeMutableRawBufferPointer) { unsafe self.storage = storage }

    package var room: Int { unsafe storage.count - count }

    private mutating func reserve(_ size: Int) -> Int? {
        guard !overflowed, size <= room else {
            overflowed = true
            return nil
        }
        defer { count += size }
        return count
    }

    private mutating func put<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        guard let at = reserve(Value.bitWidth / 8) else { return }
        unsafe storage.storeBytes(of: value.littleEndian, toByteOffset: at, as: Value.self)
    }

    package mutating func u8(_ value: UInt8) { put(value) }
    package mutating func u16(_ value: UInt16) { put(value) }
    package mutating func u32(_ value: UInt32) { put(value) }
    package mutating func u64(_ value: UInt64) { put(value) }

    package mutating func qid(_ value: Qid) {
        u8(value.kind.rawValue)
        u32(value.version)
        u64(value.path)
    }

    package mutating func data(_ bytes: UnsafeRawBufferPointer) {
        guard let at = reserve(bytes.count) else { return }
        unsafe UnsafeMutableRawBufferPointer(rebasing: storage[at...]).copyMemory(from: bytes)
    }

    package mutating func data(_ bytes: ArraySlice<UInt8>) {
        unsafe bytes.withUnsafeBytes { unsafe data($0) }
    }

    /// A string longer than 65,535 bytes cannot be written.
    package mutating func string(_ bytes: [UInt8]) { string(bytes.span) }

    package mutating func string(_ bytes: Span<UInt8>) {
        guard let length = UInt16(exactly: bytes.count) else {
            overflowed = true
            return
        }
        u16(length)
        unsafe bytes.withUnsafeBytes { unsafe data($0) }
    }

    package mutating func string(_ text: StaticString) {
        u16(UInt16(truncatingIfNeeded: text.utf8CodeUnitCount))
        unsafe data(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    // MARK: Whole messages

    /// Starts a message over, in the same memory.
    package mutating func begin(_ type: MessageType, tag: UInt16) {
        count = 0
        overflowed = false
        u32(0)
        u8(type.rawValue)
        u16(tag)
    }

    /// Writes the length field, and returns the length; nil when the memory did not suffice.
    /// - Parameter trailing: bytes of the message that follow from elsewhere (file data of Rread).
    package mutating func finish(trailing: Int = 0) -> Int? {
        guard !overflowed, count >= Protocol9P.headerSize,
            let size = UInt32(exactly: count + trailing)
        else { return nil }
        unsafe storage.storeBytes(of: size.littleEndian, toByteOffset: 0, as: UInt32.self)
        return count
    }

    /// Overwrites an integer written before (a count known only at the end).
    package mutating func patch(u32 value: UInt32, at offset: Int) {
        guard offset >= 0, offset <= count - 4 else { return }
        unsafe storage.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt32.self)
    }

    package mutating func patch(u16 value: UInt16, at offset: Int) {
        guard offset >= 0, offset <= count - 2 else { return }
        unsafe storage.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt16.self)
    }
}
