/// A JSON value that keeps the order of its keys, so that a record reads as it was written and the
/// same values always give the same bytes.
package indirect enum JSONValue: Sendable {
    case string(String)
    case integer(Int)
    /// Written with three digits behind the point.
    case number(Double)
    case boolean(Bool)
    case array([JSONValue])
    case object([(String, JSONValue)])
    case null

    /// On one line.
    package var text: String {
        switch self {
        case .string(let value): Self.quoted(value)
        case .integer(let value): String(value)
        case .number(let value): value.isFinite ? ProgressText.fixed(value, digits: 3) : "null"
        case .boolean(let value): value ? "true" : "false"
        case .array(let values): "[" + values.map(\.text).joined(separator: ", ") + "]"
        case .object(let members):
            "{" + members.map { Self.quoted($0.0) + ": " + $0.1.text }.joined(separator: ", ") + "}"
        case .null: "null"
        }
    }

    /// Objects and their members on lines of their own.
    package func indentedText(depth: Int = 0) -> String {
        guard case .object(let members) = self, !members.isEmpty else { return text }
        let margin = String(repeating: "  ", count: depth + 1)
        let lines = members.map {
            margin + Self.quoted($0.0) + ": " + $0.1.indentedText(depth: depth + 1)
        }
        return "{\n" + lines.joined(separator: ",\n") + "\n"
            + String(repeating: "  ", count: depth) + "}"
    }

    /// RFC 8259, section 7.
    private static func quoted(_ value: String) -> String {
        var result = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case let control where control.value < 0x20:
                let digits = String(control.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            case let other: result.unicodeScalars.append(other)
            }
        }
        return result + "\""
    }
}
