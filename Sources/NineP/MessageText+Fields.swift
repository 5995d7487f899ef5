// Fields that several messages have.

/// A count and the first bytes of the data behind it, should there be any.
func dataText(_ cursor: inout WireReader) -> String {
    let shown = 64
    let count = Int(cursor.u32())
    let first = cursor.data(count: min(count, cursor.remaining, shown))
    if first.count == 0 { return "count \(count)" }
    return "count \(count) \(quoted(cursor.copy(first)))" + (first.count < count ? "…" : "")
}

func lockText(_ range: LockRange, _ reader: WireReader) -> String {
    "type \(range.kind) start \(range.start) length \(range.length) proc_id \(range.process) "
        + "client_id \(quoted(reader.copy(range.client)))"
}

/// Seconds since 1970, with nine decimals.
func timeText(_ seconds: UInt64, _ nanoseconds: UInt64) -> String {
    let digits = String(nanoseconds)
    return "\(seconds)." + String(repeating: "0", count: max(0, 9 - digits.utf8.count)) + digits
}

func hexadecimal(_ number: some BinaryInteger) -> String { "0x" + String(number, radix: 16) }

func octal(_ mode: UInt32) -> String { "0" + String(mode, radix: 8) }

/// Bytes that are no printable ASCII appear as \xNN.
func quoted(_ bytes: [UInt8]) -> String {
    var text = "\""
    for byte in bytes {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += "\\" + String(UnicodeScalar(byte))
        case 0x20..<0x7f: text.unicodeScalars.append(UnicodeScalar(byte))
        default: text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }
    return text + "\""
}
