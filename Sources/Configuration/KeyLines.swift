/// On which line of a TOML document each key stands. The parser gives values without their places,
/// and a message should name one.
///
/// The text must be valid TOML 1.0 already: this only walks over it, and of a text that is not
/// it finds fewer keys.
struct KeyLines {
    /// Keys from the root on; an array's element is "[0]", "[1]"...
    private var lines: [[String]: Int] = [:]

    init(_ text: String) {
        var scanner = Scanner(bytes: Array(text.utf8))
        scanner.document()
        lines = scanner.lines
    }

    /// The line of a key, or of the nearest table above it; counted from 1.
    func line(of path: [String]) -> Int {
        var path = path[...]
        while !path.isEmpty {
            if let line = lines[Array(path)] { return line }
            path.removeLast()
        }
        return 1
    }
}

private struct Scanner {
    let bytes: [UInt8]
    private var position = 0
    private var line = 1
    private(set) var lines: [[String]: Int] = [:]

    init(bytes: [UInt8]) { self.bytes = bytes }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func peek(_ ahead: Int) -> UInt8? {
        position + ahead < bytes.count ? bytes[position + ahead] : nil
    }

    private mutating func advance(_ count: Int = 1) {
        for _ in 0..<count where position < bytes.count {
            if bytes[position] == UInt8(ascii: "\n") { line += 1 }
            position += 1
        }
    }

    private mutating func skip(_ wanted: Unicode.Scalar) {
        skipSpace(lineBreaks: false)
        if next == UInt8(ascii: wanted) { advance() }
    }

    /// Spaces, tabs, comments; and line breaks where they mean nothing.
    private mutating func skipSpace(lineBreaks: Bool) {
        while let byte = next {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
                advance()
            case UInt8(ascii: "\n") where lineBreaks:
                advance()
            case UInt8(ascii: "#"):
                while let byte = next, byte != UInt8(ascii: "\n") { advance() }
            default:
                return
            }
        }
    }

    /// The first mention counts, of a table as of a key.
    private mutating func record(_ path: [String]) {
        for length in 1...max(1, path.count) where length <= path.count {
            let prefix = Array(path.prefix(length))
            if lines[prefix] == nil { lines[prefix] = line }
        }
    }

    mutating func document() {
        var table: [String] = []
        while true {
            skipSpace(lineBreaks: true)
            guard let byte = next else { return }
            let start = position
            if byte == UInt8(ascii: "[") {
                while next == UInt8(ascii: "[") { advance() }
                table = key()
                record(table)
                while next == UInt8(ascii: "]") { advance() }
            } else {
                pair(in: table)
            }
            // A text that is no TOML: leave the line, so that the end is reached.
            if position == start { advance() }
        }
    }

    private mutating func pair(in table: [String]) {
        let path = table + key()
        record(path)
        skip("=")
        value(path)
    }

    /// A dotted key; its parts may be quoted.
    private mutating func key() -> [String] {
        var parts: [String] = []
        while true {
            skipSpace(lineBreaks: false)
            switch next {
            case UInt8(ascii: "\"")?, UInt8(ascii: "'")?:
                parts.append(string())
            default:
                let start = position
                while let byte = next, Self.isBare(byte) { advance() }
                if position == start { return parts }
                parts.append(String(decoding: bytes[start..<position], as: UTF8.self))
            }
            skipSpace(lineBreaks: false)
            guard next == UInt8(ascii: ".") else { return parts }
            advance()
        }
    }

    private static func isBare(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default:
            false
        }
    }

    private mutating func value(_ path: [String]) {
        skipSpace(lineBreaks: false)
        switch next {
        case UInt8(ascii: "\"")?, UInt8(ascii: "'")?:
            _ = string()
        case UInt8(ascii: "[")?:
            advance()
            list(until: "]") { scanner, index in
                scanner.record(path + ["[\(index)]"])
                scanner.value(path + ["[\(index)]"])
            }
        case UInt8(ascii: "{")?:
            advance()
            list(until: "}") { scanner, _ in scanner.pair(in: path) }
        default:
            while let byte = next, !Self.endsValue(byte) { advance() }
        }
    }

    private static func endsValue(_ byte: UInt8) -> Bool {
        [",", "]", "}", "#", "\n"].contains { byte == UInt8(ascii: $0) }
    }

    private mutating func list(
        until end: Unicode.Scalar,
        _ element: (inout Scanner, Int) -> Void
    ) {
        var index = 0
        while true {
            skipSpace(lineBreaks: true)
            guard let byte = next else { return }
            if byte == UInt8(ascii: end) { return advance() }
            let start = position
            element(&self, index)
            index += 1
            skipSpace(lineBreaks: true)
            if next == UInt8(ascii: ",") { advance() }
            if position == start { advance() }
        }
    }

    /// A string of any of the four kinds, without its quotes, its escapes resolved.
    private mutating func string() -> String {
        guard let quote = next else { return "" }
        let isLong = peek(1) == quote && peek(2) == quote
        advance(isLong ? 3 : 1)
        var content: [UInt8] = []
        while let byte = next {
            if byte == quote, !isLong || (peek(1) == quote && peek(2) == quote) {
                advance(isLong ? 3 : 1)
                // Up to two quotes may stand before the closing three.
                while isLong, next == quote { advance() }
                break
            }
            if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                content += escape()
            } else {
                content.append(byte)
                advance()
            }
        }
        return String(decoding: content, as: UTF8.self)
    }

    private mutating func escape() -> [UInt8] {
        advance()
        guard let byte = next else { return [] }
        advance()
        switch byte {
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "u"), UInt8(ascii: "U"):
            let count = byte == UInt8(ascii: "u") ? 4 : 8
            let digits = String(decoding: bytes[position...].prefix(count), as: UTF8.self)
            advance(count)
            let scalar = UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init)
            return scalar.map { Array(String($0).utf8) } ?? []
        default: return [byte]
        }
    }
}
