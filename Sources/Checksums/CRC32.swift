/// CRC-32 as in IEEE 802.3 and zlib, inverted at both ends: what GPT is checked with.
package enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { start in
        (0..<8).reduce(UInt32(start)) { crc, _ in
            crc & 1 == 0 ? crc >> 1 : crc >> 1 ^ 0xedb8_8320
        }
    }

    package static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var crc: UInt32 = ~0
        for byte in bytes { crc = crc >> 8 ^ table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] }
        return ~crc
    }
}
