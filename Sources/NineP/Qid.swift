/// The server's unique identification of a file (9P2000 "qid", intro(5)): 13 bytes on the wire.
package struct Qid: Hashable, Sendable {
    /// Type bits; 0x80 directory, 0x02 symbolic link, 0x00 everything else.
    package struct Kind: RawRepresentable, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let directory = Kind(rawValue: 0x80)
        package static let symlink = Kind(rawValue: 0x02)
        package static let file = Kind(rawValue: 0x00)
    }

    package let kind: Kind
    /// Never 0: Linux 6.12 turns its page cache off for version 0 (fs/9p/fid.h, P9L_DIRECT).
    package let version: UInt32
    package let path: UInt64

    package init(kind: Kind, version: UInt32, path: UInt64) {
        self.kind = kind
        self.version = version
        self.path = path
    }
}
