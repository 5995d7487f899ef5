internal import SystemIO
internal import SystemPackage

/// An object's path below `objects/`, for a system call: ended by NUL, and on the stack, as a server
/// opens objects by the thousand.
///
/// Two digits, a slash, the rest and an extension that for files says whether they are compressed
/// (`ostree_object_to_string`, `_ostree_loose_path`).
struct ObjectPath {
    /// 64 digits, a slash, a dot, the longest extension ("dirtree"), NUL.
    private var bytes = InlineArray<74, CChar>(repeating: 0)
    private var count = 0

    init(_ name: ObjectName, in mode: Repository.Mode) {
        name.checksum.forEachHexDigit { digit in
            append(digit)
            if count == 2 { append(UInt8(ascii: "/")) }
        }
        append(UInt8(ascii: "."))
        let isCompressed = name.kind == .file && mode == .archive
        for byte in (isCompressed ? "filez" : name.kind.rawValue).utf8 { append(byte) }
    }

    private mutating func append(_ byte: UInt8) {
        bytes[count] = CChar(bitPattern: byte)
        count += 1
    }

    var text: String {
        String(decoding: (0..<count).map { UInt8(bitPattern: bytes[$0]) }, as: UTF8.self)
    }

    func withPointer<Result>(
        _ body: (UnsafePointer<CChar>) throws(Errno) -> Result
    ) throws(Errno) -> Result {
        try unsafe bytes.span.withNamePointer(body)
    }
}
