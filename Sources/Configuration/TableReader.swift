import OSTree
import Orchestrator
import TOMLKit

/// One table of a document. It remembers which keys it was asked for; all others are mistakes.
struct TableReader {
    let path: [String]
    let document: Document
    private let table: TOMLTable
    private var known: [String] = []

    init(_ table: TOMLTable, path: [String], document: Document) {
        self.table = table
        self.path = path
        self.document = document
    }

    func report(_ key: String, _ text: String) { document.report(path + [key], text) }

    /// A value of one type; another type is reported.
    /// - Parameter expected: for the message, "a string".
    private mutating func value<Value>(
        _ key: String,
        _ expected: String,
        _ convert: (any TOMLValueConvertible) -> Value?
    ) -> Value? {
        known.append(key)
        guard let value = table[key] else { return nil }
        if let converted = convert(value) { return converted }
        report(key, "`\(key)` must be \(expected), not \(Self.kind(value))")
        return nil
    }

    mutating func string(_ key: String) -> String? {
        guard let text = value(key, "a string", { $0.string }) else { return nil }
        if !text.isEmpty { return text }
        report(key, "`\(key)` is empty")
        return nil
    }

    /// Whether the key is there, whatever it holds.
    func has(_ key: String) -> Bool { table[key] != nil }

    /// A string that may be empty.
    mutating func text(_ key: String) -> String? { value(key, "a string") { $0.string } }

    mutating func boolean(_ key: String) -> Bool? { value(key, "true or false") { $0.bool } }

    mutating func integer(_ key: String, in range: ClosedRange<Int>) -> Int? {
        guard let number = value(key, "a whole number", { $0.int }) else { return nil }
        if range.contains(number) { return number }
        let limits =
            range.upperBound == Int.max
            ? "\(range.lowerBound) or more" : "from \(range.lowerBound) to \(range.upperBound)"
        report(key, "`\(key)` is \(number), and must be \(limits)")
        return nil
    }

    /// One of the names of an enumeration.
    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String,
        _ type: Choice.Type
    ) -> Choice? where Choice.RawValue == String {
        guard let text = string(key) else { return nil }
        if let choice = Choice(rawValue: text) { return choice }
        let names = Choice.allCases.map { "\"\($0.rawValue)\"" }
        report(key, "`\(key)` is \"\(text)\", and must be \(Self.alternatives(names))")
        return nil
    }

    /// A string that `convert` takes.
    mutating func text<Value>(
        _ key: String,
        _ expected: String,
        _ convert: (String) -> Value?
    ) -> Value? {
        guard let text = string(key) else { return nil }
        if let value = convert(text) { return value }
        report(key, "`\(key)` is \"\(text)\", and must be \(expected)")
        return nil
    }

    /// A disk's size: "8G", or a number of bytes.
    mutating func size(_ key: String) -> UInt64? {
        let expected = "a size (\"8G\", \"512M\", or a number of bytes)"
        if table[key]?.int != nil {
            return integer(key, in: 1...Int.max).map(UInt64.init)
        }
        known.append(key)
        guard let value = table[key] else { return nil }
        guard let text = value.string else {
            report(key, "`\(key)` must be \(expected), not \(Self.kind(value))")
            return nil
        }
        if let size = BuildRequest.parseSize(text) { return size }
        report(key, "`\(key)` is \"\(text)\", and must be \(expected)")
        return nil
    }

    /// An array of strings; where `orOne`, a single one may stand without its brackets.
    mutating func strings(_ key: String, orOne: Bool = false) -> [String]? {
        if orOne, table[key]?.string != nil { return string(key).map { [$0] } }
        let expected = orOne ? "a string or an array of strings" : "an array of strings"
        guard let array = value(key, expected, { $0.array }) else { return nil }
        var strings: [String] = []
        for index in 0..<array.count {
            if let text = array[index].string, !text.isEmpty {
                strings.append(text)
            } else {
                document.report(
                    path + [key, "[\(index)]"],
                    "`\(key)` holds \(Self.kind(array[index])) where a string is due"
                )
            }
        }
        return strings
    }

    mutating func table(_ key: String) -> TableReader? {
        value(key, "a table (`[\(key)]`)") { $0.table }
            .map { TableReader($0, path: path + [key], document: document) }
    }

    /// What a table of any keys holds, in the file's order.
    mutating func entries(
        _ key: String,
        _ example: String
    ) -> [(key: String, value: any TOMLValueConvertible)] {
        guard let inner = value(key, "a table (\(example))", { $0.table }) else { return [] }
        return inner.keys.compactMap { name in inner[name].map { (name, $0) } }
            .sorted { one, other in
                let (first, second) = (
                    document.line(of: path + [key, one.key]),
                    document.line(of: path + [key, other.key])
                )
                return (first, one.key) < (second, other.key)
            }
    }

    /// Reports every key that nobody asked for. To be called last.
    func finish() {
        for key in table.keys where !known.contains(key) {
            let near = SimilarNames.of(key, among: known).map { "`\($0)`" }
            let place = path.isEmpty ? "" : " in [\(path.joined(separator: "."))]"
            report(
                key,
                "unknown key `\(key)`\(place)"
                    + (near.isEmpty ? "" : "; did you mean \(Self.alternatives(near))?")
            )
        }
    }

    private static func alternatives(_ names: [String]) -> String {
        guard let last = names.last, names.count > 1 else { return names.first ?? "" }
        return names.dropLast().joined(separator: ", ") + " or " + last
    }

    /// For messages.
    static func kind(_ value: any TOMLValueConvertible) -> String {
        switch value.type {
        case .string: value.string?.isEmpty == true ? "an empty string" : "a string"
        case .int: "a whole number"
        case .double: "a number with a fraction"
        case .bool: "true or false"
        case .array: "an array"
        case .table: "a table"
        case .date, .time, .dateTime: "a date or time"
        }
    }
}
