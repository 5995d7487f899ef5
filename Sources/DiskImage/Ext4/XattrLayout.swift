/// How one set of extended attributes is stored: in the inode, and the rest in a block
/// (fs/ext4/xattr.h). Alike for every inode with that set.
struct XattrLayout: Sendable {
    /// Bytes after the inode's fixed part; empty if nothing is stored there.
    private(set) var inInode: [UInt8] = []
    /// The block, its reference count and checksum still 0; nil if there is none.
    private(set) var block: [UInt8]?

    enum Problem: Error {
        case doesNotFit(largest: Int)
        case unknownName([UInt8])
    }

    /// What an inode of 256 bytes has left: after 160 bytes, the magic, and the closing zero word.
    private static let inodeRegion = 256 - 160 - 4
    private static let magic: UInt32 = 0xea02_0000

    init(_ xattrs: [FileTree.Xattr]) throws(Problem) {
        var stored: [Stored] = []
        for xattr in xattrs { stored.append(try Stored(xattr)) }
        // The small ones into the inode, so that as few files as can be need a block.
        stored.sort { $0.size == $1.size ? $0.precedes($1) : $0.size < $1.size }
        var inside: [Stored] = []
        var room = Self.inodeRegion - 4
        while let next = stored.first, next.size <= room {
            inside.append(stored.removeFirst())
            room -= next.size
        }
        if !inside.isEmpty {
            inInode = [UInt8](repeating: 0, count: 4 + Self.inodeRegion)
            inInode.putLE(Self.magic, at: 0)
            Self.place(inside, in: &inInode, entriesAt: 4, offsetsFrom: 4, hashed: false)
        }
        if !stored.isEmpty { block = try Self.block(stored) }
    }

    private static func block(_ stored: [Stored]) throws(Problem) -> [UInt8] {
        let needed = 32 + 4 + stored.reduce(0) { $0 + $1.size }
        guard needed <= Ext4Geometry.blockSize else {
            throw .doesNotFit(largest: stored.map(\.value.count).max() ?? 0)
        }
        var block = [UInt8](repeating: 0, count: Ext4Geometry.blockSize)
        block.putLE(magic, at: 0)
        block.putLE(UInt32(1), at: 8)
        let hashes = place(
            stored.sorted { $0.precedes($1) },
            in: &block,
            entriesAt: 32,
            offsetsFrom: 0,
            hashed: true
        )
        let hash: UInt32 = hashes.contains(0) ? 0 : hashes.reduce(0) { $0 << 16 ^ $0 >> 16 ^ $1 }
        block.putLE(hash, at: 12)
        return block
    }

    /// Entries upwards, values downwards from the end.
    @discardableResult
    private static func place(
        _ stored: [Stored],
        in bytes: inout [UInt8],
        entriesAt: Int,
        offsetsFrom: Int,
        hashed: Bool
    ) -> [UInt32] {
        var entry = entriesAt
        var value = bytes.count
        var hashes: [UInt32] = []
        for item in stored {
            value -= item.value.count.roundedUp(to: 4)
            bytes[entry] = UInt8(item.name.count)
            bytes[entry + 1] = item.index
            // An empty value has no place.
            bytes.putLE(UInt16(item.value.isEmpty ? 0 : value - offsetsFrom), at: entry + 2)
            bytes.putLE(UInt32(item.value.count), at: entry + 8)
            let hash = hashed ? item.hash : 0
            bytes.putLE(hash, at: entry + 12)
            bytes.put(item.name, at: entry + 16)
            bytes.put(item.value, at: value)
            hashes.append(hash)
            entry += item.entrySize
        }
        return hashes
    }

    /// One attribute with its name's prefix as a number.
    private struct Stored {
        let index: UInt8
        let name: ArraySlice<UInt8>
        let value: [UInt8]

        init(_ xattr: FileTree.Xattr) throws(Problem) {
            let known: [(prefix: String, index: UInt8, whole: Bool)] = [
                ("system.posix_acl_access", 2, true), ("system.posix_acl_default", 3, true),
                ("user.", 1, false), ("trusted.", 4, false), ("security.", 6, false),
                ("system.", 7, false),
            ]
            for (prefix, index, whole) in known where xattr.name.starts(with: prefix.utf8) {
                let name = xattr.name.dropFirst(prefix.utf8.count)
                if whole != name.isEmpty { continue }
                guard name.count <= 255 else { throw .unknownName(xattr.name) }
                self.index = index
                self.name = name
                if whole {
                    guard let acl = storedACL(xattr.value) else { throw .unknownName(xattr.name) }
                    value = acl
                } else {
                    value = xattr.value
                }
                return
            }
            throw .unknownName(xattr.name)
        }

        var entrySize: Int { (16 + name.count).roundedUp(to: 4) }
        var size: Int { entrySize + value.count.roundedUp(to: 4) }

        /// The order that the kernel keeps in a block.
        func precedes(_ other: Stored) -> Bool {
            if index != other.index { return index < other.index }
            if name.count != other.name.count { return name.count < other.name.count }
            return name.lexicographicallyPrecedes(other.name)
        }

        var hash: UInt32 {
            var hash: UInt32 = 0
            for byte in name { hash = hash << 5 ^ hash >> 27 ^ UInt32(byte) }
            let padded = value + repeatElement(0, count: value.count.roundedUp(to: 4) - value.count)
            for i in stride(from: 0, to: padded.count, by: 4) {
                hash = hash << 16 ^ hash >> 16 ^ padded.getLE(UInt32.self, at: i)
            }
            return hash
        }
    }
}

/// An access control list as ext4 keeps it (version 1, fs/ext4/acl.h), from the form of the
/// system calls (version 2, `struct posix_acl_xattr_header`); nil if it is none.
private func storedACL(_ value: [UInt8]) -> [UInt8]? {
    guard value.count >= 4, value.count % 8 == 4, value.getLE(UInt32.self, at: 0) == 2 else {
        return nil
    }
    var result: [UInt8] = [1, 0, 0, 0]
    for i in stride(from: 4, to: value.count, by: 8) {
        result += value[i..<(i + 4)]
        // Only a named user (2) or group (8) has an identifier.
        let tag = value.getLE(UInt16.self, at: i)
        if tag == 2 || tag == 8 { result += value[(i + 4)..<(i + 8)] }
    }
    return result
}
