/// How `FileTree` keeps names, up to 255 bytes long: a byte with the length, then the name. Names that
/// are mostly hexadecimal digits, of which a repository of objects has nothing else, take half of that: a
/// byte 0, the number of packed bytes, the length of the rest; the digits, two a byte; the rest.
enum PackedName {
    /// Fewer digits are not worth it.
    private static let fewestPairs = 8

    static func append(_ name: [UInt8], to text: inout [UInt8]) {
        let digits = name.prefix { digitValue($0) != nil }.count
        guard digits / 2 >= fewestPairs else {
            text.append(UInt8(name.count))
            text.append(contentsOf: name)
            return
        }
        let pairs = digits / 2
        let rest = name.dropFirst(2 * pairs)
        text += [0, UInt8(pairs), UInt8(rest.count)]
        var high: UInt8?
        for digit in name.prefix(2 * pairs) {
            let value = digitValue(digit) ?? 0
            if let first = high {
                text.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        text.append(contentsOf: rest)
    }

    static func read(_ text: [UInt8], at offset: Int) -> ArraySlice<UInt8> {
        let length = Int(text[offset])
        if length > 0 { return text[(offset + 1)..<(offset + 1 + length)] }
        let pairs = Int(text[offset + 1])
        let rest = Int(text[offset + 2])
        let start = offset + 3
        var name: [UInt8] = []
        name.reserveCapacity(2 * pairs + rest)
        for byte in text[start..<(start + pairs)] {
            name.append(digit(byte >> 4))
            name.append(digit(byte & 15))
        }
        name += text[(start + pairs)..<(start + pairs + rest)]
        return name[...]
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    /// Of a lower-case digit: those in capitals would not come back as they were.
    private static func digitValue(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
