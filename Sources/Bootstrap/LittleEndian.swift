/// Numbers in the headers of kernels and ELF files. Past the end they read as zero.
enum LittleEndian {
    static func u16(_ bytes: ArraySlice<UInt8>, at offset: Int) -> UInt16 {
        UInt16(truncatingIfNeeded: number(bytes, at: offset, count: 2))
    }

    static func u32(_ bytes: ArraySlice<UInt8>, at offset: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: number(bytes, at: offset, count: 4))
    }

    static func u64(_ bytes: ArraySlice<UInt8>, at offset: Int) -> UInt64 {
        number(bytes, at: offset, count: 8)
    }

    private static func number(_ bytes: ArraySlice<UInt8>, at offset: Int, count: Int) -> UInt64 {
        guard offset >= 0, offset <= bytes.count - count else { return 0 }
        let start = bytes.startIndex + offset
        return bytes[start..<start + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
