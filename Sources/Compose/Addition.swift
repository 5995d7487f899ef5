import OSTree

/// A file, folder or symbolic link that the installed system gets beyond its commit, in the
/// deployment's /etc or the stateroot's /var. It takes the place of what the commit has there.
package struct Addition: Sendable, Equatable {
    package enum Content: Sendable, Equatable {
        /// One that the commit has gets the mode and the owner.
        case directory
        case file([UInt8])
        case symlink(target: String)
    }

    /// Below the root, without a leading slash: "etc/motd".
    package var path: String
    /// Permission bits.
    package var mode: UInt16
    package var uid: UInt32
    package var gid: UInt32
    package var content: Content

    package init(
        path: String,
        mode: UInt16,
        uid: UInt32 = 0,
        gid: UInt32 = 0,
        content: Content
    ) {
        self.path = path
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.content = content
    }
}

extension Addition {
    /// A folder of the commit's with the mode and the owner that are wanted.
    func over(_ meta: DirMeta) -> DirMeta {
        DirMeta(
            uid: uid,
            gid: gid,
            mode: meta.mode & ~0o7777 | UInt32(mode),
            extendedAttributes: meta.extendedAttributes
        )
    }
}

/// Additions as the tree that they form. A folder that only leads to another has no addition of its
/// own: it is taken as it is, or made 0755.
struct AdditionTree {
    private(set) var addition: Addition?
    private(set) var children: [String: AdditionTree] = [:]

    init(_ additions: [Addition] = []) throws(ComposeError) {
        for addition in additions {
            try insert(addition, addition.path.split(separator: "/")[...])
        }
    }

    private init(addition: Addition?) { self.addition = addition }

    static let none = AdditionTree(addition: nil)

    private mutating func insert(
        _ added: Addition,
        _ path: ArraySlice<Substring>
    ) throws(ComposeError) {
        if let addition, !path.isEmpty, addition.content != .directory {
            throw .unsuitableTree(
                "/\(addition.path) is to be added, and cannot hold /\(added.path)"
            )
        }
        guard let name = path.first.map(String.init) else {
            addition = added
            if added.content != .directory, !children.isEmpty {
                throw .unsuitableTree("/\(added.path) is to be added, and to hold other files")
            }
            return
        }
        var child = children[name] ?? AdditionTree(addition: nil)
        try child.insert(added, path.dropFirst())
        children[name] = child
    }

    /// What is to be added in a folder of this one.
    func below(_ name: String) -> AdditionTree { children[name] ?? AdditionTree(addition: nil) }

    /// By name, so that the same additions always give the same bytes.
    var sortedChildren: [(name: String, tree: AdditionTree)] {
        children.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// The path of an addition here or below, for messages.
    var anyPath: String { addition?.path ?? sortedChildren.first?.tree.anyPath ?? "" }

    /// Whether it is, or leads to, a folder.
    var isFolder: Bool { addition == nil || addition?.content == .directory }
}
