/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78; RFC 3720, appendix B.4).
package struct CRC32C: Sendable {
    /// The register, without the inversion at the end: a sum is carried on from it. ext4 stores it
    /// as it is (`lib/crc32c.c` in the kernel).
    package private(set) var register: UInt32

    package init(_ start: UInt32 = ~0) { register = start }

    /// The checksum as RFC 3720 has it: inverted.
    package var value: UInt32 { ~register }

    // Of these types and not generic: a generic one costs a call for each byte in other modules.
    package mutating func update(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe update(buffer: $0) }
    }

    package mutating func update(_ bytes: ArraySlice<UInt8>) {
        unsafe bytes.withUnsafeBytes { unsafe update(buffer: $0) }
    }

    package mutating func update(le value: UInt32) {
        for shift in stride(from: UInt32(0), to: 32, by: 8) {
            step(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    @inline(__always)
    private mutating func step(_ byte: UInt8) {
        register = register >> 8 ^ Self.tables[Int(UInt8(truncatingIfNeeded: register) ^ byte)]
    }

    /// Eight bytes a turn, one table for each ("slicing by 8").
    // SAFETY: every load is inside `buffer` (i + 8 <= count, i < count), every table index below
    // 8 * 256, and the pointers do not leave the closures.
    private mutating func update(buffer: UnsafeRawBufferPointer) {
        let count = buffer.count
        var crc = register
        unsafe Self.tables.withUnsafeBufferPointer { table in
            var i = 0
            while i + 8 <= count {
                let word =
                    unsafe UInt64(
                        littleEndian: buffer.loadUnaligned(fromByteOffset: i, as: UInt64.self)
                    ) ^ UInt64(crc)
                var next: UInt32 = 0
                for k in 0..<8 {
                    let byte = Int(word >> UInt64(8 * k) & 0xff)
                    unsafe next ^= table[(7 - k) * 256 + byte]
                }
                crc = next
                i += 8
            }
            while i < count {
                unsafe crc = crc >> 8 ^ table[Int(UInt8(truncatingIfNeeded: crc) ^ buffer[i])]
                i += 1
            }
        }
        register = crc
    }

    /// Table k holds the effect of a byte followed by k zero bytes.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for i in 0..<256 {
            var crc = UInt32(i)
            for _ in 0..<8 { crc = crc & 1 == 0 ? crc >> 1 : crc >> 1 ^ 0x82f6_3b78 }
            tables[i] = crc
        }
        for k in 1..<8 {
            for i in 0..<256 {
                let before = tables[(k - 1) * 256 + i]
                tables[k * 256 + i] = before >> 8 ^ tables[Int(before & 0xff)]
            }
        }
        return tables
    }()
}
