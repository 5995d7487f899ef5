/// A SHA-256 checksum, the name of every OSTree object.
package struct Checksum: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The 32 bytes, most significant first in each word.
    private let words: (UInt64, UInt64, UInt64, UInt64)

    package static let byteCount = 32

    /// From exactly 32 bytes; nil otherwise.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Checksum.byteCount else { return nil }
        self.init(digest: bytes)
    }

    /// From what a hash function has made: 32 bytes.
    init(digest bytes: some Collection<UInt8>) {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        for (index, byte) in bytes.enumerated() {
            switch index >> 3 {
            case 0: words.0 = words.0 << 8 | UInt64(byte)
            case 1: words.1 = words.1 << 8 | UInt64(byte)
            case 2: words.2 = words.2 << 8 | UInt64(byte)
            default: words.3 = words.3 << 8 | UInt64(byte)
            }
        }
        self.words = words
    }

    /// From 64 hexadecimal digits; nil otherwise.
    package init?(hex: some StringProtocol) {
        let digits = Array(hex.utf8)
        guard digits.count == 2 * Checksum.byteCount else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Checksum.byteCount)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = Checksum.value(ofDigit: digits[index]),
                let low = Checksum.value(ofDigit: digits[index + 1])
            else { return nil }
            bytes.append(high << 4 | low)
        }
        self.init(bytes: bytes)
    }

    private static func value(ofDigit digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Checksum.byteCount)
        for word in [words.0, words.1, words.2, words.3] {
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        return bytes
    }

    /// The first eight bytes as a number: evenly spread, so good as an inode number.
    package var prefix: UInt64 { words.0 }

    /// 64 lower-case hexadecimal digits.
    package var hex: String { String(decoding: hexDigits, as: UTF8.self) }

    /// The same as ASCII.
    package var hexDigits: [UInt8] {
        var digits: [UInt8] = []
        digits.reserveCapacity(2 * Checksum.byteCount)
        forEachHexDigit { digits.append($0) }
        return digits
    }

    func forEachHexDigit(_ body: (UInt8) -> Void) {
        let words: InlineArray<4, UInt64> = [words.0, words.1, words.2, words.3]
        for index in words.indices {
            for shift in stride(from: Int64(60), through: 0, by: -4) {
                let value = UInt8(truncatingIfNeeded: words[index] >> UInt64(shift)) & 15
                body(value + (value < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10))
            }
        }
    }

    package var description: String { hex }

    package static func == (a: Checksum, b: Checksum) -> Bool { a.words == b.words }

    package static func < (a: Checksum, b: Checksum) -> Bool { a.words < b.words }

    package func hash(into hasher: inout Hasher) {
        // Already evenly spread: one word is enough to tell buckets apart.
        hasher.combine(words.0)
    }
}
