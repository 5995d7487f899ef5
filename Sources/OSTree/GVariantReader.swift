/// GVariant's serialised form, as far as OSTree objects need it: tuples, arrays, strings, variants.
///
/// Rules from the GVariant specification, "Serialisation Format": framing offsets at the end, as
/// wide as the container is long, little-endian; alignment relative to the container. Whatever the
/// bytes are, a reader throws `Malformed` at most.
struct GVariantReader {
    /// Bytes which are not the expected type in normal form.
    struct Malformed: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    /// A member of a tuple or element of an array.
    enum Member {
        case fixed(size: Int, alignment: Int)
        case variable(alignment: Int)

        var alignment: Int {
            switch self {
            case .fixed(_, let alignment), .variable(let alignment): alignment
            }
        }

        static let u32 = Member.fixed(size: 4, alignment: 4)
        static let u64 = Member.fixed(size: 8, alignment: 8)
        /// `s`, `ay`, and everything made of them alone.
        static let bytes = Member.variable(alignment: 1)
        /// `a{sv}` and its entries: a variant may hold anything, so it aligns to 8.
        static let dictionary = Member.variable(alignment: 8)
    }

    /// The members' own bytes, in order.
    static func tuple(
        _ bytes: ArraySlice<UInt8>,
        _ members: [Member]
    ) throws(Malformed) -> [ArraySlice<UInt8>] {
        let width = offsetWidth(bytes.count)
        var parts: [ArraySlice<UInt8>] = []
        parts.reserveCapacity(members.count)
        var position = 0
        var frame = bytes.count
        for (index, member) in members.enumerated() {
            let start = align(position, member.alignment)
            let end: Int
            switch member {
            case .fixed(let size, _):
                end = start + size
            case .variable where index == members.count - 1:
                end = frame
            case .variable:
                frame -= width
                guard frame >= 0 else { throw Malformed("too short for its framing offsets") }
                end = try offset(bytes, at: frame, width: width)
            }
            guard start <= end, end <= frame else { throw Malformed("a member overlaps another") }
            parts.append(bytes[bytes.startIndex + start..<bytes.startIndex + end])
            position = end
        }
        return parts
    }

    /// The elements of an array of variable-sized elements.
    static func array(
        _ bytes: ArraySlice<UInt8>,
        alignment: Int = 1
    ) throws(Malformed) -> [ArraySlice<UInt8>] {
        guard !bytes.isEmpty else { return [] }
        let width = offsetWidth(bytes.count)
        guard bytes.count >= width else { throw Malformed("array shorter than an offset") }
        let table = try offset(bytes, at: bytes.count - width, width: width)
        guard table <= bytes.count - width, (bytes.count - table) % width == 0 else {
            throw Malformed("array with a bad offset table")
        }
        let count = (bytes.count - table) / width
        var elements: [ArraySlice<UInt8>] = []
        elements.reserveCapacity(count)
        var position = 0
        for index in 0..<count {
            let start = align(position, alignment)
            let end = try offset(bytes, at: table + index * width, width: width)
            guard start <= end, end <= table else { throw Malformed("array elements overlap") }
            elements.append(bytes[bytes.startIndex + start..<bytes.startIndex + end])
            position = end
        }
        return elements
    }

    /// A string's bytes without the NUL at its end.
    static func string(_ bytes: ArraySlice<UInt8>) throws(Malformed) -> ArraySlice<UInt8> {
        guard bytes.last == 0, !bytes.dropLast().contains(0) else {
            throw Malformed("string without a NUL at its end")
        }
        return bytes.dropLast()
    }

    /// A variant's type string and value.
    static func variant(
        _ bytes: ArraySlice<UInt8>
    ) throws(Malformed) -> (type: String, value: ArraySlice<UInt8>) {
        guard let separator = bytes.lastIndex(of: 0) else {
            throw Malformed("variant without a type")
        }
        return (String(decoding: bytes[(separator + 1)...], as: UTF8.self), bytes[..<separator])
    }

    /// OSTree keeps its numbers big-endian.
    static func bigEndian(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }

    static func checksum(_ bytes: ArraySlice<UInt8>) throws(Malformed) -> Checksum {
        guard let checksum = Checksum(bytes: bytes) else {
            throw Malformed("checksum of \(bytes.count) bytes")
        }
        return checksum
    }

    /// Width of the framing offsets in a container of `count` bytes.
    static func offsetWidth(_ count: Int) -> Int {
        switch count {
        case ...0xff: 1
        case ...0xffff: 2
        case ...0xffff_ffff: 4
        default: 8
        }
    }

    private static func align(_ position: Int, _ alignment: Int) -> Int {
        (position + alignment - 1) & ~(alignment - 1)
    }

    private static func offset(
        _ bytes: ArraySlice<UInt8>,
        at position: Int,
        width: Int
    ) throws(Malformed) -> Int {
        let start = bytes.startIndex + position
        let value = bytes[start..<start + width].reversed().reduce(UInt64(0)) {
            $0 << 8 | UInt64($1)
        }
        guard value <= UInt64(bytes.count) else { throw Malformed("an offset past the end") }
        return Int(value)
    }
}
