/// One OSTree object as a bare repository holds it; its content follows it in the pack.
package struct PackObject: Equatable, Sendable {
    /// Numbers as in `OstreeObjectType` (ostree-core.h).
    package enum Kind: UInt8, Sendable, CaseIterable {
        case file = 1
        case dirTree = 2
        case dirMeta = 3
        case commit = 4
        /// A commit's detached metadata: signatures.
        case commitMeta = 6

        /// The extension of the object's file in a bare repository.
        package var fileExtension: String {
            switch self {
            case .file: "file"
            case .dirTree: "dirtree"
            case .dirMeta: "dirmeta"
            case .commit: "commit"
            case .commitMeta: "commitmeta"
            }
        }
    }

    package struct Attribute: Equatable, Sendable {
        /// Without a NUL.
        package var name: [UInt8]
        package var value: [UInt8]

        package init(name: [UInt8], value: [UInt8]) {
            self.name = name
            self.value = value
        }
    }

    package var kind: Kind
    /// 32 bytes: SHA-256.
    package var checksum: [UInt8]
    /// As st_mode, type included; 0 for everything but files, as are the next four.
    package var mode: UInt32
    package var uid: UInt32
    package var gid: UInt32
    /// Empty for a regular file.
    package var symlinkTarget: [UInt8]
    package var attributes: [Attribute]
    /// Bytes of content; 0 for a symbolic link.
    package var contentLength: UInt64

    /// A regular file or a symbolic link.
    package init(
        file checksum: [UInt8],
        mode: UInt32,
        uid: UInt32,
        gid: UInt32,
        symlinkTarget: [UInt8] = [],
        attributes: [Attribute] = [],
        contentLength: UInt64
    ) {
        kind = .file
        self.checksum = checksum
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.symlinkTarget = symlinkTarget
        self.attributes = attributes
        self.contentLength = contentLength
    }

    /// A metadata object: a file of root with mode 0644.
    package init(metadata kind: Kind, checksum: [UInt8], contentLength: UInt64) {
        self.kind = kind
        self.checksum = checksum
        mode = 0
        uid = 0
        gid = 0
        symlinkTarget = []
        attributes = []
        self.contentLength = contentLength
    }

    package var isSymlink: Bool { kind == .file && mode & 0o170000 == 0o120000 }

    /// What keeps the object from being written as a file; nil if nothing does.
    var fault: String? {
        guard contentLength <= UInt64(Int64.max) else { return "its length is \(contentLength)" }
        guard kind == .file else {
            let isPlain =
                mode == 0 && uid == 0 && gid == 0 && symlinkTarget.isEmpty && attributes.isEmpty
            return isPlain ? nil : "a metadata object with a mode, an owner or attributes"
        }
        switch mode & 0o170000 {
        case 0o100000:
            if !symlinkTarget.isEmpty { return "a regular file with a target" }
        case 0o120000:
            let isSound = (1..<4096).contains(symlinkTarget.count) && !symlinkTarget.contains(0)
            if !isSound || contentLength > 0 { return "not a target that a link can have" }
        default: return "mode \(String(mode, radix: 8)) is no file's"
        }
        // XATTR_NAME_MAX and XATTR_SIZE_MAX of linux/limits.h.
        let isSound = attributes.allSatisfy {
            (1...255).contains($0.name.count) && !$0.name.contains(0) && $0.value.count <= 65536
        }
        return isSound ? nil : "an attribute that no file can have"
    }
}
