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

    package static func optional(_ value: String?) -> JSONValue {
        value.map { .string($0) } ?? .null
    }

    package static func strings(_ values: [String]) -> JSONValue {
        .array(values.map { .string($0) })
    }

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

    /// Objects, their members and arrays of objects on lines of their own.
    package func indentedText(depth: Int = 0) -> String {
        let lines: [String]
        let brackets: (String, String)
        switch self {
        case .object(let members) where !members.isEmpty:
            lines = members.map { Self.quoted($0.0) + ": " + $0.1.indentedText(depth: depth + 1) }
            brackets = ("{", "}")
        case .array(let values) where values.contains(where: \.isObject):
            lines = values.map { $0.isFlat ? $0.text : $0.indentedText(depth: depth + 1) }
            brackets = ("[", "]")
        default:
            return text
        }
        let margin = String(repeating: "  ", count: depth + 1)
        return brackets.0 + "\n" + lines.map { margin + $0 }.joined(separator: ",\n") + "\n"
            + String(repeating: "  ", count: depth) + brackets.1
    }

    /// An object of plain values, which reads well on one line.
    private var isFlat: Bool {
        guard case .object(let members) = self else { return false }
        return members.allSatisfy { member in
            switch member.1 {
            case .object, .array: false
            default: true
            }
        }
    }

    private var isObject: Bool { if case .object = self { true } else { false } }

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
