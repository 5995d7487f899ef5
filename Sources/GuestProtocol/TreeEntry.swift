/// One file of a listing, as lstat(2), readlink(2) and lgetxattr(2) see it.
package struct TreeEntry: WireValue {
    package struct Attribute: WireValue {
        package var name: [UInt8]
        package var value: [UInt8]

        package init(name: [UInt8], value: [UInt8]) {
            self.name = name
            self.value = value
        }

        package init(from reader: inout WireReader) throws(WireError) {
            name = try reader.blob()
            value = try reader.blob()
        }

        package func encode(into writer: inout WireWriter) {
            writer.append(name)
            writer.append(value)
        }
    }

    /// Relative to the listed directory, which itself is empty; any bytes but NUL.
    package var path: [UInt8]
    /// `st_mode`: type and permissions.
    package var mode: UInt32
    package var uid: UInt32
    package var gid: UInt32
    package var size: UInt64
    package var modificationSeconds: Int64
    package var modificationNanoseconds: UInt32
    package var inode: UInt64
    package var linkCount: UInt64
    /// Empty unless a symbolic link.
    package var linkTarget: [UInt8]
    /// In byte order of their names.
    package var attributes: [Attribute]
    /// SHA-256 of a regular file's content; empty for all else, and where it was not asked for.
    package var contentChecksum: [UInt8]

    package init(
        path: [UInt8],
        mode: UInt32,
        uid: UInt32,
        gid: UInt32,
        size: UInt64,
        modificationSeconds: Int64,
        modificationNanoseconds: UInt32,
        inode: UInt64,
        linkCount: UInt64,
        linkTarget: [UInt8],
        attributes: [Attribute],
        contentChecksum: [UInt8] = []
    ) {
        self.path = path
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.size = size
        self.modificationSeconds = modificationSeconds
        self.modificationNanoseconds = modificationNanoseconds
        self.inode = inode
        self.linkCount = linkCount
        self.linkTarget = linkTarget
        self.attributes = attributes
        self.contentChecksum = contentChecksum
    }

    package init(from reader: inout WireReader) throws(WireError) {
        path = try reader.blob()
        mode = try reader.integer()
        uid = try reader.integer()
        gid = try reader.integer()
        size = try reader.integer()
        modificationSeconds = try reader.integer()
        modificationNanoseconds = try reader.integer()
        inode = try reader.integer()
        linkCount = try reader.integer()
        linkTarget = try reader.blob()
        attributes = try reader.list()
        contentChecksum = try reader.blob()
    }

    package func encode(into writer: inout WireWriter) {
        writer.append(path)
        writer.append(mode)
        writer.append(uid)
        writer.append(gid)
        writer.append(size)
        writer.append(modificationSeconds)
        writer.append(modificationNanoseconds)
        writer.append(inode)
        writer.append(linkCount)
        writer.append(linkTarget)
        writer.append(attributes)
        writer.append(contentChecksum)
    }
}
