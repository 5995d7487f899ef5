/// The decisions that a fuzzer's input makes, one after another. Where the input ends, a generator
/// that it has seeded goes on, so that any input makes a whole conversation.
package struct Choices {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    private var state: UInt64 = 0xcbf2_9ce4_8422_2325

    package init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        // FNV-1a.
        for byte in bytes { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }

    package mutating func byte() -> UInt8 {
        if position < bytes.count {
            defer { position += 1 }
            return bytes[position]
        }
        // SplitMix64.
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        return UInt8(truncatingIfNeeded: mixed ^ mixed >> 27)
    }

    package mutating func u16() -> UInt16 { UInt16(byte()) | UInt16(byte()) << 8 }
    package mutating func u32() -> UInt32 { UInt32(u16()) | UInt32(u16()) << 16 }
    package mutating func u64() -> UInt64 { UInt64(u32()) | UInt64(u32()) << 32 }

    /// A number from 0 on, below `count`, which is at least 1.
    package mutating func below(_ count: Int) -> Int {
        count <= 256 ? Int(byte()) % count : Int(u16()) % count
    }

    /// True for one in `count` decisions, at most 256.
    package mutating func oneIn(_ count: Int) -> Bool { below(count) == count - 1 }

    package mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[below(elements.count)]
    }
}
