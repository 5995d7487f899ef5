/// Name and value of an extended attribute.
package struct ExtendedAttribute: Hashable, Sendable {
    /// Without the NUL.
    package let name: [UInt8]
    package let value: [UInt8]

    package init(name: [UInt8], value: [UInt8]) {
        self.name = name
        self.value = value
    }

    /// Parses `a(ayay)`; OSTree writes the NUL of each name.
    static func parse(
        _ bytes: ArraySlice<UInt8>
    ) throws(GVariantReader.Malformed) -> [ExtendedAttribute] {
        var attributes: [ExtendedAttribute] = []
        for element in try GVariantReader.array(bytes) {
            let parts = try GVariantReader.tuple(element, [.bytes, .bytes])
            let name = Array(try GVariantReader.string(parts[0]))
            guard !name.isEmpty else { throw GVariantReader.Malformed("an xattr without a name") }
            attributes.append(ExtendedAttribute(name: name, value: Array(parts[1])))
        }
        return attributes
    }
}

/// A dirmeta object, what a directory has besides names: `(uuua(ayay))`.
package struct DirMeta: Hashable, Sendable {
    package let uid: UInt32
    package let gid: UInt32
    /// As st_mode, type included.
    package let mode: UInt32
    package let extendedAttributes: [ExtendedAttribute]

    package init(
        uid: UInt32,
        gid: UInt32,
        mode: UInt32,
        extendedAttributes: [ExtendedAttribute]
    ) {
        self.uid = uid
        self.gid = gid
        self.mode = mode
        self.extendedAttributes = extendedAttributes
    }

    init(parsing bytes: [UInt8]) throws(GVariantReader.Malformed) {
        let parts = try GVariantReader.tuple(bytes[...], [.u32, .u32, .u32, .bytes])
        uid = UInt32(truncatingIfNeeded: GVariantReader.bigEndian(parts[0]))
        gid = UInt32(truncatingIfNeeded: GVariantReader.bigEndian(parts[1]))
        mode = UInt32(truncatingIfNeeded: GVariantReader.bigEndian(parts[2]))
        extendedAttributes = try ExtendedAttribute.parse(parts[3])
    }
}

/// What a file object says about a regular file or a symbolic link.
package struct FileInfo: Hashable, Sendable {
    package let uid: UInt32
    package let gid: UInt32
    /// As st_mode, type included.
    package let mode: UInt32
    /// Bytes of content; 0 for a symbolic link.
    package let size: UInt64
    /// Empty for a regular file.
    package let symlinkTarget: [UInt8]
    package let extendedAttributes: [ExtendedAttribute]

    package init(
        uid: UInt32,
        gid: UInt32,
        mode: UInt32,
        size: UInt64,
        symlinkTarget: [UInt8],
        extendedAttributes: [ExtendedAttribute]
    ) {
        self.uid = uid
        self.gid = gid
        self.mode = mode
        self.size = size
        self.symlinkTarget = symlinkTarget
        self.extendedAttributes = extendedAttributes
    }

    package var isSymlink: Bool { FileInfo.isSymlink(mode) }
    package var isRegular: Bool { mode & 0o170000 == 0o100000 }

    package static func isSymlink(_ mode: UInt32) -> Bool { mode & 0o170000 == 0o120000 }
}
