import CLinux
import NineP
import NinePServer
import OSTree
import SystemPackage

/// A directory: one of the commit, with what the view adds to it, or one that only the view has.
final class DirectoryNode: Node, OpenDirectory {
    let view: CommitView
    /// nil for a directory that the commit lacks.
    private let source: (tree: Checksum, meta: Checksum)?
    /// Names added to the commit's own, which come first.
    private let additions: [ViewAddition]
    private let mode: UInt32
    /// Whether this is below the copied `/etc`.
    let isCopy: Bool
    /// nil for the root.
    private let folder: DirectoryNode?
    let qid: Qid

    /// The root.
    init(_ view: CommitView, source: (tree: Checksum, meta: Checksum), additions: [ViewAddition]) {
        self.view = view
        self.source = source
        self.additions = additions
        mode = 0
        isCopy = false
        folder = nil
        qid = InodeNumber.qid(.directory, InodeNumber.root)
    }

    /// One of the commit's own.
    init(_ directory: DirTree.Directory, in folder: DirectoryNode) {
        view = folder.view
        source = (directory.tree, directory.meta)
        additions = []
        mode = 0
        isCopy = folder.isCopy
        self.folder = folder
        qid = InodeNumber.qid(.directory, InodeNumber.place(directory.name, in: folder.qid.path))
    }

    init(_ addition: ViewAddition, in folder: DirectoryNode) {
        view = folder.view
        source = addition.source
        additions = addition.inside
        mode = addition.mode
        isCopy = addition.source != nil
        self.folder = folder
        qid = InodeNumber.qid(.directory, InodeNumber.place(addition.name, in: folder.qid.path))
    }

    func parent() -> any Node { folder ?? self }

    func attributes() throws(Errno) -> Attributes {
        let meta = try meta()
        return Attributes(
            mode: meta?.mode ?? UInt32(S_IFDIR) | mode,
            uid: meta?.uid ?? 0,
            gid: meta?.gid ?? 0,
            linkCount: UInt64(2 + (try contents().directoryCount)),
            size: 4096,
            blocks: 8,
            accessed: .init(seconds: 0),
            modified: .init(seconds: 0),
            changed: .init(seconds: 0)
        )
    }

    func child(named name: Span<UInt8>) throws(Errno) -> any Node {
        try contents().child(named: name)
    }

    func symlinkTarget() throws(Errno) -> [UInt8] { throw .invalidArgument }
    func openFile() throws(Errno) -> any OpenFile { throw .isDirectory }

    /// Reads by itself, so that a fid does not keep its listing.
    func openDirectory() throws(Errno) -> any OpenDirectory {
        _ = try contents()
        return self
    }

    func entries(after cookie: UInt64, _ visit: DirectoryVisitor) throws(Errno) {
        try contents().entries(after: cookie, visit)
    }

    func extendedAttributeNames() throws(Errno) -> [NameBytes] {
        try meta()?.extendedAttributes.map(\.name) ?? []
    }

    func extendedAttribute(named name: NameBytes) throws(Errno) -> [UInt8] {
        try (meta()?.extendedAttributes ?? []).value(named: name)
    }

    private func contents() throws(Errno) -> FolderContents {
        if let known = view.folders.value(ObjectIdentifier(self)) { return known }
        let tree = try source.map { (source) throws(Errno) in try view.tree(source.tree) }
        let contents = FolderContents(of: self, tree ?? .empty, additions)
        return view.folders.insert(ObjectIdentifier(self), contents, cost: contents.cost)
    }

    private func meta() throws(Errno) -> DirMeta? {
        guard let source else { return nil }
        return try view.meta(source.meta)
    }
}

/// A directory that the view adds.
struct ViewAddition: Sendable {
    let name: [UInt8]
    var mode: UInt32
    /// The commit's directory that it is a copy of.
    var source: (tree: Checksum, meta: Checksum)?
    var inside: [ViewAddition] = []
    /// Shown although the commit has a folder of that name, which is empty.
    var replacesEmptyFolder = false
}
