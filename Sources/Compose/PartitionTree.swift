import DiskImage
import OSTree

/// The tree of one partition, with what each of its files holds.
struct PartitionTree: Sendable {
    typealias Node = FileTree.NodeID

    /// A file with the contents of an object (numbered as in `CommitTree`).
    struct Copy: Sendable {
        var node: Node
        var object: UInt32
    }

    private(set) var files: FileTree
    private(set) var copies: [Copy] = []
    private(set) var inline: [(node: Node, bytes: [UInt8])] = []
    /// What the user adds, with the folders that were made for it.
    private(set) var additions: Set<Node> = []
    /// For everything that libostree would give the time of the clock.
    let created: Int64
    private var xattrSets: [[ExtendedAttribute]: FileTree.XattrSetID] = [:]

    init(created: Int64) {
        self.created = created
        files = FileTree(root: FileTree.Attributes(permissions: 0o755, modified: created))
    }

    // MARK: What libostree makes itself: root's, with the time of the clock

    private func own(_ permissions: UInt16) -> FileTree.Attributes {
        FileTree.Attributes(permissions: permissions, modified: created)
    }

    mutating func directory(
        _ name: String,
        in parent: Node,
        _ permissions: UInt16 = 0o755
    ) throws(ComposeError) -> Node {
        let attributes = own(permissions)
        return try add(name.utf8) { tree throws(FileTree.Problem) in
            try tree.addDirectory(name.utf8, in: parent, attributes)
        }
    }

    /// Makes the directories of a path, each 0755.
    mutating func directories(
        _ path: some Sequence<Substring>,
        in parent: Node
    ) throws(ComposeError) -> Node {
        var node = parent
        for part in path { node = try directory(String(part), in: node) }
        return node
    }

    @discardableResult
    mutating func file(
        _ name: String,
        in parent: Node,
        _ bytes: [UInt8],
        _ permissions: UInt16 = 0o644,
        immutable: Bool = false
    ) throws(ComposeError) -> Node {
        var attributes = own(permissions)
        attributes.immutable = immutable
        let node = try add(name.utf8) { tree throws(FileTree.Problem) in
            try tree.addFile(name.utf8, in: parent, attributes, size: UInt64(bytes.count))
        }
        if !bytes.isEmpty { inline.append((node, bytes)) }
        return node
    }

    /// A file whose contents are known only when the layout is.
    mutating func placeholder(
        _ name: String,
        in parent: Node,
        size: UInt64,
        _ permissions: UInt16,
        immutable: Bool
    ) throws(ComposeError) -> Node {
        var attributes = own(permissions)
        attributes.immutable = immutable
        return try add(name.utf8) { tree throws(FileTree.Problem) in
            try tree.addFile(name.utf8, in: parent, attributes, size: size)
        }
    }

    mutating func symlink(
        _ name: String,
        in parent: Node,
        to target: String
    ) throws(ComposeError) {
        let attributes = own(0o777)
        _ = try add(name.utf8) { tree throws(FileTree.Problem) in
            try tree.addSymlink(name.utf8, in: parent, attributes, target: target.utf8)
        }
    }

    mutating func link(
        _ node: Node,
        as name: some Collection<UInt8>,
        in parent: Node
    ) throws(ComposeError) {
        try add(name) { tree throws(FileTree.Problem) in try tree.link(node, as: name, in: parent) }
    }

    // MARK: What the user adds

    /// - Parameter addition: nil for a folder that leads to one.
    mutating func added(
        _ name: String,
        in parent: Node,
        _ addition: Addition?
    ) throws(ComposeError) -> Node {
        let node = try makeAdded(name, in: parent, addition)
        additions.insert(node)
        return node
    }

    private mutating func makeAdded(
        _ name: String,
        in parent: Node,
        _ addition: Addition?
    ) throws(ComposeError) -> Node {
        guard let addition else { return try directory(name, in: parent) }
        let attributes = FileTree.Attributes(
            permissions: addition.mode,
            uid: addition.uid,
            gid: addition.gid,
            modified: created
        )
        let node = try add(name.utf8) { tree throws(FileTree.Problem) in
            switch addition.content {
            case .directory:
                try tree.addDirectory(name.utf8, in: parent, attributes)
            case .file(let bytes):
                try tree.addFile(name.utf8, in: parent, attributes, size: UInt64(bytes.count))
            case .symlink(let target):
                try tree.addSymlink(name.utf8, in: parent, attributes, target: target.utf8)
            }
        }
        if case .file(let bytes) = addition.content, !bytes.isEmpty { inline.append((node, bytes)) }
        return node
    }

    // MARK: What comes from the commit

    /// - Parameter modified: nil for the time of the clock.
    mutating func directory(
        _ name: some Collection<UInt8>,
        in parent: Node,
        _ meta: DirMeta,
        modified: Int64?,
        immutable: Bool = false
    ) throws(ComposeError) -> Node {
        let attributes = FileTree.Attributes(
            permissions: UInt16(truncatingIfNeeded: meta.mode) & 0o7777,
            uid: meta.uid,
            gid: meta.gid,
            modified: modified ?? created,
            xattrs: xattrs(meta.extendedAttributes),
            immutable: immutable
        )
        return try add(name) { tree throws(FileTree.Problem) in
            try tree.addDirectory(name, in: parent, attributes)
        }
    }

    /// A regular file or symbolic link with an object's contents and metadata.
    /// - Parameters:
    ///   - modified: nil for the time of the clock.
    ///   - withXattrs: /boot's copies are made without.
    mutating func object(
        _ name: some Collection<UInt8>,
        in parent: Node,
        _ index: Int,
        _ info: FileInfo,
        modified: Int64?,
        withXattrs: Bool = true
    ) throws(ComposeError) -> Node {
        let attributes = FileTree.Attributes(
            permissions: UInt16(truncatingIfNeeded: info.mode) & 0o7777,
            uid: info.uid,
            gid: info.gid,
            modified: modified ?? created,
            xattrs: withXattrs ? xattrs(info.extendedAttributes) : .none
        )
        let node = try add(name) { tree throws(FileTree.Problem) in
            info.isSymlink
                ? try tree.addSymlink(name, in: parent, attributes, target: info.symlinkTarget)
                : try tree.addFile(name, in: parent, attributes, size: info.size)
        }
        if !info.isSymlink && info.size > 0 {
            copies.append(Copy(node: node, object: UInt32(index)))
        }
        return node
    }

    /// A file that holds a metadata object's bytes, as a repository keeps it.
    mutating func metadataObject(
        _ name: [UInt8],
        in parent: Node,
        _ number: Int,
        size: Int
    ) throws(ComposeError) {
        let attributes = own(0o644)
        let node = try add(name) { tree throws(FileTree.Problem) in
            try tree.addFile(name, in: parent, attributes, size: UInt64(size))
        }
        copies.append(Copy(node: node, object: UInt32(number)))
    }

    mutating func setXattrs(of node: Node, to attributes: [FileTree.Xattr]) {
        files.setXattrs(of: node, to: files.xattrSet(attributes))
    }

    mutating func reserve(nodes: Int, entries: Int, copies: Int) {
        files.reserve(nodes: nodes, entries: entries)
        self.copies.reserveCapacity(copies)
    }

    private mutating func xattrs(_ attributes: [ExtendedAttribute]) -> FileTree.XattrSetID {
        if attributes.isEmpty { return .none }
        if let known = xattrSets[attributes] { return known }
        let set = files.xattrSet(
            attributes.map { FileTree.Xattr(name: $0.name, value: $0.value) }
        )
        xattrSets[attributes] = set
        return set
    }

    private mutating func add<Value>(
        _ name: some Collection<UInt8>,
        _ body: (inout FileTree) throws(FileTree.Problem) -> Value
    ) throws(ComposeError) -> Value {
        do throws(FileTree.Problem) {
            return try body(&files)
        } catch {
            throw .tree(error, path: String(decoding: name, as: UTF8.self))
        }
    }
}
