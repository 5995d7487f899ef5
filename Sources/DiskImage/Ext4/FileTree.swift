/// A tree of files to be laid out in a file system: names, attributes, sizes; no contents.
///
/// Kept small, since a commit may have a million files: 24 bytes a node, 12 an entry beside its name.
package struct FileTree: Sendable {
    /// A node of the tree; several entries may lead to one (hard links).
    package struct NodeID: Hashable, Sendable {
        private let number: UInt32

        package init(index: Int) { number = UInt32(index) }

        package var index: Int { Int(number) }
    }

    package static let root = NodeID(index: 0)

    package struct Attributes: Sendable {
        /// The permission bits, with setuid, setgid and sticky: 0o7777.
        package var permissions: UInt16
        package var uid: UInt32
        package var gid: UInt32
        /// Modification time in seconds since 1970.
        package var modified: Int64
        package var xattrs: XattrSetID
        /// The inode flag FS_IMMUTABLE_FL.
        package var immutable: Bool

        package init(
            permissions: UInt16,
            uid: UInt32 = 0,
            gid: UInt32 = 0,
            modified: Int64 = 0,
            xattrs: XattrSetID = .none,
            immutable: Bool = false
        ) {
            self.permissions = permissions
            self.uid = uid
            self.gid = gid
            self.modified = modified
            self.xattrs = xattrs
            self.immutable = immutable
        }
    }

    /// One of the tree's sets of extended attributes; most files have none or share one.
    package struct XattrSetID: Hashable, Sendable {
        let index: UInt32
        package static let none = XattrSetID(index: 0)
    }

    package struct Xattr: Hashable, Sendable {
        /// The full name, `security.selinux`, without a NUL.
        package var name: [UInt8]
        package var value: [UInt8]

        package init(name: [UInt8], value: [UInt8]) {
            self.name = name
            self.value = value
        }
    }

    package enum Kind: UInt16, Sendable {
        case fifo = 0x1000
        case characterDevice = 0x2000
        case directory = 0x4000
        case blockDevice = 0x6000
        case file = 0x8000
        case symlink = 0xa000
        case socket = 0xc000
    }

    package enum Problem: Error, Equatable {
        case nameEmptyOrReserved(name: [UInt8])
        /// A name is at most 255 bytes.
        case nameTooLong(name: [UInt8])
        case nameHasSlashOrNUL(name: [UInt8])
        case tooLarge
    }

    /// What many nodes have in common.
    fileprivate struct Traits: Hashable, Sendable {
        var mode: UInt16
        var immutable: Bool
        var isSparse: Bool
        var uid: UInt32
        var gid: UInt32
        var modified: Int64
        var xattrs: XattrSetID
    }

    fileprivate struct StoredNode: Sendable {
        var traits: UInt32
        var links: UInt32
        var size: UInt64
        /// Symlink: where the target begins in `text`. Directory: its first entry, 0 for none.
        var first: UInt32 = 0
        /// Directory: its last entry.
        var last: UInt32 = 0
    }

    struct Node: Sendable {
        var mode: UInt16
        var immutable: Bool
        var isSparse: Bool
        var links: UInt32
        var uid: UInt32
        var gid: UInt32
        /// File: bytes. Symlink: the target's length. Device: its number, major << 32 | minor.
        /// Directory: the node that it is in.
        var size: UInt64
        var modified: Int64
        var xattrs: XattrSetID
        fileprivate var first: UInt32

        var kind: Kind { Kind(rawValue: mode & 0xf000) ?? .file }
    }

    /// The nodes as a collection; a node's number is its index.
    struct Nodes: RandomAccessCollection, Sendable {
        private let stored: [StoredNode]
        private let traits: Distinct<Traits>

        fileprivate init(_ stored: [StoredNode], _ traits: Distinct<Traits>) {
            self.stored = stored
            self.traits = traits
        }

        var startIndex: Int { 0 }
        var endIndex: Int { stored.count }

        subscript(index: Int) -> Node {
            let node = stored[index]
            let shared = traits[node.traits]
            return Node(
                mode: shared.mode,
                immutable: shared.immutable,
                isSparse: shared.isSparse,
                links: node.links,
                uid: shared.uid,
                gid: shared.gid,
                size: node.size,
                modified: shared.modified,
                xattrs: shared.xattrs,
                first: node.first
            )
        }
    }

    struct Entry: Sendable {
        fileprivate var name: UInt32
        var node: UInt32
        fileprivate var next: UInt32
    }

    private var stored: [StoredNode] = []
    private var traits = Distinct<Traits>()
    /// Entry 0 is not used: 0 ends a list.
    private var entries: [Entry] = [Entry(name: 0, node: 0, next: 0)]
    private var text: [UInt8] = []
    private var sets = Distinct<[Xattr]>()
    /// The ranges with data, in bytes, of files that are not whole.
    private(set) var dataRanges: [Int: [Range<UInt64>]] = [:]

    /// - Parameter root: the attributes of the root directory.
    package init(root: Attributes) {
        // Set 0: `XattrSetID.none`.
        _ = sets.number(of: [])
        stored.append(node(.directory, root, size: 0, links: 2))
    }

    package var nodeCount: Int { stored.count }
    /// Names in all directories.
    package var entryCount: Int { entries.count - 1 }
    var nodes: Nodes { Nodes(stored, traits) }
    /// By `XattrSetID.index`.
    var xattrSets: [[Xattr]] { sets.values }

    /// Makes room for so many more, which saves copying while the tree grows.
    package mutating func reserve(nodes: Int, entries: Int) {
        stored.reserveCapacity(stored.count + nodes)
        self.entries.reserveCapacity(self.entries.count + entries)
    }

    // MARK: Building

    package mutating func xattrSet(_ xattrs: [Xattr]) -> XattrSetID {
        XattrSetID(
            index: sets.number(of: xattrs.sorted { $0.name.lexicographicallyPrecedes($1.name) })
        )
    }

    package mutating func addDirectory(
        _ name: some Collection<UInt8>,
        in parent: NodeID,
        _ attributes: Attributes
    ) throws(Problem) -> NodeID {
        let id = try add(
            node(.directory, attributes, size: UInt64(parent.index), links: 2),
            name,
            parent
        )
        stored[parent.index].links += 1
        return id
    }

    /// - Parameter size: in bytes.
    /// - Parameter dataRanges: the parts that hold data, in bytes, ascending; nil for all of it.
    package mutating func addFile(
        _ name: some Collection<UInt8>,
        in parent: NodeID,
        _ attributes: Attributes,
        size: UInt64,
        dataRanges: [Range<UInt64>]? = nil
    ) throws(Problem) -> NodeID {
        let node = node(.file, attributes, size: size, links: 1, isSparse: dataRanges != nil)
        let id = try add(node, name, parent)
        if let dataRanges { self.dataRanges[id.index] = dataRanges }
        return id
    }

    package mutating func addSymlink(
        _ name: some Collection<UInt8>,
        in parent: NodeID,
        _ attributes: Attributes,
        target: some Collection<UInt8>
    ) throws(Problem) -> NodeID {
        var node = node(.symlink, attributes, size: UInt64(target.count), links: 1)
        node.first = try textEnd()
        text.append(contentsOf: target)
        return try add(node, name, parent)
    }

    /// A device, FIFO or socket.
    package mutating func addSpecial(
        _ name: some Collection<UInt8>,
        in parent: NodeID,
        _ attributes: Attributes,
        kind: Kind,
        major: UInt32 = 0,
        minor: UInt32 = 0
    ) throws(Problem) -> NodeID {
        let number = UInt64(major) << 32 | UInt64(minor)
        return try add(node(kind, attributes, size: number, links: 1), name, parent)
    }

    /// A further name for a node that is not a directory.
    package mutating func link(
        _ node: NodeID,
        as name: some Collection<UInt8>,
        in parent: NodeID
    ) throws(Problem) {
        try addEntry(node, name, parent)
        stored[node.index].links += 1
    }

    /// Gives a node other extended attributes than it was made with.
    package mutating func setXattrs(of node: NodeID, to set: XattrSetID) {
        var changed = traits[stored[node.index].traits]
        changed.xattrs = set
        stored[node.index].traits = traits.number(of: changed)
    }

    /// How many names a node has (for a directory: 2 and one for each directory in it).
    package func linkCount(_ node: NodeID) -> Int { Int(stored[node.index].links) }

    /// Bytes of a file, or of a symlink's target.
    package func size(_ node: NodeID) -> UInt64 { stored[node.index].size }

    private mutating func node(
        _ kind: Kind,
        _ attributes: Attributes,
        size: UInt64,
        links: UInt32,
        isSparse: Bool = false
    ) -> StoredNode {
        let shared = Traits(
            mode: kind.rawValue | attributes.permissions & 0o7777,
            immutable: attributes.immutable,
            isSparse: isSparse,
            uid: attributes.uid,
            gid: attributes.gid,
            modified: attributes.modified,
            xattrs: attributes.xattrs
        )
        return StoredNode(traits: traits.number(of: shared), links: links, size: size)
    }

    private mutating func add(
        _ node: StoredNode,
        _ name: some Collection<UInt8>,
        _ parent: NodeID
    ) throws(Problem) -> NodeID {
        guard stored.count < Int(UInt32.max) else { throw .tooLarge }
        let id = NodeID(index: stored.count)
        stored.append(node)
        try addEntry(id, name, parent)
        return id
    }

    private mutating func addEntry(
        _ node: NodeID,
        _ someName: some Collection<UInt8>,
        _ parent: NodeID
    ) throws(Problem) {
        // One concrete type below: this is done a million times.
        let name = Array(someName)
        try Self.check(name)
        guard entries.count < Int(UInt32.max) else { throw .tooLarge }
        let index = UInt32(entries.count)
        let place = try textEnd()
        PackedName.append(name, to: &text)
        entries.append(Entry(name: place, node: UInt32(node.index), next: 0))
        let last = Int(stored[parent.index].last)
        if last == 0 { stored[parent.index].first = index } else { entries[last].next = index }
        stored[parent.index].last = index
    }

    private func textEnd() throws(Problem) -> UInt32 {
        guard let offset = UInt32(exactly: text.count) else { throw .tooLarge }
        return offset
    }

    private static func check(_ name: [UInt8]) throws(Problem) {
        let dot = UInt8(ascii: ".")
        if name.isEmpty || name == [dot] || name == [dot, dot] {
            throw .nameEmptyOrReserved(name: name)
        }
        if name.count > 255 { throw .nameTooLong(name: name) }
        if name.contains(where: { $0 == 0 || $0 == UInt8(ascii: "/") }) {
            throw .nameHasSlashOrNUL(name: name)
        }
    }
}

extension FileTree {
    // MARK: Reading

    /// Calls `body` for each entry of a directory, in the order in which they were added.
    func forEachEntry(of directory: NodeID, _ body: (Entry) -> Void) {
        var index = Int(stored[directory.index].first)
        while index != 0 {
            body(entries[index])
            index = Int(entries[index].next)
        }
    }

    /// What a directory holds, in the order in which it was added.
    package func children(of directory: NodeID) -> [(name: ArraySlice<UInt8>, node: NodeID)] {
        var children: [(ArraySlice<UInt8>, NodeID)] = []
        forEachEntry(of: directory) {
            children.append((name($0), NodeID(index: Int($0.node))))
        }
        return children
    }

    /// As st_mode, type included.
    package func mode(of node: NodeID) -> UInt16 { nodes[node.index].mode }

    package func xattrs(of node: NodeID) -> [Xattr] { sets[nodes[node.index].xattrs.index] }

    func name(_ entry: Entry) -> ArraySlice<UInt8> { PackedName.read(text, at: Int(entry.name)) }

    func target(_ node: Node) -> ArraySlice<UInt8> {
        text[Int(node.first)..<(Int(node.first) + Int(node.size))]
    }

    /// A path that leads to the node, for messages; a search, so for failures only.
    package func path(of node: NodeID) -> String {
        if node == Self.root { return "/" }
        var wanted = node.index
        var parts: [String] = []
        while wanted != 0 {
            guard let (parent, entry) = parentEntry(of: wanted) else { break }
            parts.append(String(decoding: name(entry), as: UTF8.self))
            wanted = parent
        }
        return "/" + parts.reversed().joined(separator: "/")
    }

    private func parentEntry(of wanted: Int) -> (Int, Entry)? {
        for (index, node) in nodes.enumerated() where node.kind == .directory {
            var found: Entry?
            forEachEntry(of: NodeID(index: index)) {
                if found == nil && Int($0.node) == wanted { found = $0 }
            }
            if let found { return (index, found) }
        }
        return nil
    }
}
