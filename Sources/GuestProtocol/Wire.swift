/// A value with one encoding in the control protocol: integers little-endian, strings, bytes and
/// lists after a 32-bit count, enumerations after an 8-bit discriminator.
package protocol WireValue: Sendable, Equatable {
    func encode(into writer: inout WireWriter)
    init(from reader: inout WireReader) throws(WireError)
}

/// Appends values to a payload.
package struct WireWriter: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func append(_ value: some FixedWidthInteger) {
        var rest = value
        for _ in 0..<(value.bitWidth / 8) {
            bytes.append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    package mutating func append(_ value: Bool) { bytes.append(value ? 1 : 0) }

    package mutating func append(_ value: String) { append(Array(value.utf8)) }

    package mutating func append(_ value: [UInt8]) {
        append(UInt32(clamping: value.count))
        bytes += value
    }

    /// Bytes whose count the reader knows otherwise.
    package mutating func appendRaw(_ value: [UInt8]) { bytes += value }

    package mutating func append(_ value: some WireValue) { value.encode(into: &self) }

    package mutating func append(_ values: [some WireValue]) {
        append(UInt32(clamping: values.count))
        for value in values { value.encode(into: &self) }
    }

    package mutating func append(_ values: [String]) {
        append(UInt32(clamping: values.count))
        for value in values { append(value) }
    }

    package mutating func append(_ value: (some WireValue)?) {
        append(value != nil)
        if let value { value.encode(into: &self) }
    }

    package mutating func append(_ value: String?) {
        append(value != nil)
        if let value { append(value) }
    }

    package mutating func append(_ value: UInt32?) {
        append(value != nil)
        if let value { append(value) }
    }
}

/// Reads values from a payload; every length is checked against what is left before it is used.
package struct WireReader: Sendable {
    private let bytes: ArraySlice<UInt8>
    private var offset: Int

    package init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        offset = bytes.startIndex
    }

    package init(_ bytes: [UInt8]) { self.init(bytes[...]) }

    package var remaining: Int { bytes.endIndex - offset }

    package func finish() throws(WireError) {
        if remaining > 0 { throw .trailingBytes(remaining) }
    }

    package mutating func integer<Value: FixedWidthInteger>(
        _ type: Value.Type = Value.self
    ) throws(WireError) -> Value {
        let size = Value.bitWidth / 8
        guard remaining >= size else { throw .truncated }
        var value: Value = 0
        for index in (offset..<offset + size).reversed() {
            value = (value << 8) | Value(truncatingIfNeeded: bytes[index])
        }
        offset += size
        return value
    }

    package mutating func bool() throws(WireError) -> Bool {
        let value: UInt8 = try integer()
        guard value <= 1 else { throw .unknownTag(type: "boolean", value: UInt64(value)) }
        return value == 1
    }

    package mutating func blob() throws(WireError) -> [UInt8] {
        try raw(Int(try integer(UInt32.self)))
    }

    package mutating func raw(_ count: Int) throws(WireError) -> [UInt8] {
        guard count <= remaining else { throw .truncated }
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }

    package mutating func string() throws(WireError) -> String {
        let raw = try blob()
        guard raw.count <= ControlProtocol.maximumString else { throw .tooLong(raw.count) }
        guard !raw.contains(0), let text = String(validating: raw, as: UTF8.self) else {
            throw .invalidString
        }
        return text
    }

    package mutating func value<Value: WireValue>(
        _ type: Value.Type = Value.self
    ) throws(WireError) -> Value {
        try Value(from: &self)
    }

    package mutating func list<Element: WireValue>(
        of type: Element.Type = Element.self
    ) throws(WireError) -> [Element] {
        var result: [Element] = []
        for _ in 0..<(try count()) { result.append(try Element(from: &self)) }
        return result
    }

    package mutating func strings() throws(WireError) -> [String] {
        var result: [String] = []
        for _ in 0..<(try count()) { result.append(try string()) }
        return result
    }

    package mutating func optional<Value: WireValue>(
        _ type: Value.Type = Value.self
    ) throws(WireError) -> Value? {
        try bool() ? try Value(from: &self) : nil
    }

    package mutating func optionalString() throws(WireError) -> String? {
        try bool() ? try string() : nil
    }

    package mutating func optionalInteger() throws(WireError) -> UInt32? {
        try bool() ? try integer() : nil
    }

    /// A list's count: bounded, and never more than the bytes that are left.
    private mutating func count() throws(WireError) -> Int {
        let count = Int(try integer(UInt32.self))
        guard count <= ControlProtocol.maximumCount else { throw .tooLong(count) }
        guard count <= remaining else { throw .truncated }
        return count
    }
}

/// Enumerations without payload are one byte.
extension WireValue where Self: RawRepresentable, RawValue == UInt8 {
    package func encode(into writer: inout WireWriter) { writer.append(rawValue) }

    package init(from reader: inout WireReader) throws(WireError) {
        let raw: UInt8 = try reader.integer()
        guard let value = Self(rawValue: raw) else {
            throw .unknownTag(type: "\(Self.self)", value: UInt64(raw))
        }
        self = value
    }
}
