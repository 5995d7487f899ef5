/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78; RFC 3720 appendix B.4).
package struct CRC32C: Sendable {
    private var state: UInt32 = 0xFFFF_FFFF

    package init() {}

    package var value: UInt32 { state ^ 0xFFFF_FFFF }

    mutating func update(_ bytes: some Sequence<UInt8>) {
        for byte in bytes {
            let index = Int((state ^ UInt32(byte)) & 0xFF)
            state = (state >> 8) ^ Self.table[index]
        }
    }

    /// The same for an array, compiled here: the generic one costs a call for each byte elsewhere.
    package mutating func update(_ bytes: [UInt8]) {
        let table = Self.table
        for byte in bytes { state = (state >> 8) ^ table[Int((state ^ UInt32(byte)) & 0xFF)] }
    }

    private static let table: [UInt32] = (0..<256).map { seed in
        (0..<8).reduce(UInt32(seed)) { value, _ in
            value & 1 == 1 ? (value >> 1) ^ 0x82F6_3B78 : value >> 1
        }
    }
}
