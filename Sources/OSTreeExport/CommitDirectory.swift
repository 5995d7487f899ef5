import CLinux
import NineP
import NinePServer
import OSTree
import SystemPackage

/// A directory: one of the commit, with what the view adds to it, or one that only the view has.
final class DirectoryNode: Node {
    let export: CommitTree
    /// nil for a directory that the commit lacks.
    let source: (tree: Checksum, meta: Checksum)?
    /// Names added to the commit's own, which come first.
    let additions: [ViewAddition]
    private let mode: UInt32
    /// Whether this is below the copied `/etc`.
    private let isCopy: Bool
    private let folder: (any Node)?
    let qid: Qid

    init(
        _ export: CommitTree,
        source: (tree: Checksum, meta: Checksum)?,
        additions: [ViewAddition] = [],
        mode: UInt32 = 0o755,
        isCopy: Bool = false,
        folder: (any Node)?,
        number: UInt64
    ) {
        self.export = export
        self.source = source
        self.additions = additions
        self.mode = mode
        self.isCopy = isCopy
        self.folder = folder
        qid = InodeNumber.qid(.directory, number)
    }

    func parent() -> any Node { folder ?? self }

    func attributes() throws(Errno) -> Attributes {
        let meta = try meta()
        let tree = try tree()
        let count = directories(tree).count + visibleAdditions(tree).count
        return Attributes(
            mode: meta?.mode ?? UInt32(S_IFDIR) | mode,
            uid: meta?.uid ?? 0,
            gid: meta?.gid ?? 0,
            linkCount: UInt64(2 + count),
            size: 4096,
            blocks: 8,
            accessed: .init(seconds: 0),
            modified: .init(seconds: 0),
            changed: .init(seconds: 0)
        )
    }

    func child(named name: Span<UInt8>) throws(Errno) -> any Node {
        if let tree = try tree() {
            if let directory = tree.directory(named: name), !isReplaced(directory) {
                return self.directory(directory)
            }
            if let file = tree.file(named: name) {
                return try CommitFile(export, file, in: self, isCopy: isCopy)
            }
        }
        guard let addition = additions.first(where: { name.isEqual(to: $0.name) }) else {
            throw .noSuchFileOrDirectory
        }
        return node(addition)
    }

    private func directory(_ directory: DirTree.Directory) -> DirectoryNode {
        DirectoryNode(
            export,
            source: (directory.tree, directory.meta),
            isCopy: isCopy,
            folder: self,
            number: InodeNumber.place(directory.name, in: qid.path)
        )
    }

    private func node(_ addition: ViewAddition) -> DirectoryNode {
        DirectoryNode(
            export,
            source: addition.source,
            additions: addition.inside,
            mode: addition.mode,
            isCopy: addition.source != nil,
            folder: self,
            number: InodeNumber.place(addition.name, in: qid.path)
        )
    }

    func symlinkTarget() throws(Errno) -> [UInt8] { throw .invalidArgument }
    func openFile() throws(Errno) -> any OpenFile { throw .isDirectory }

    func extendedAttributeNames() throws(Errno) -> [NameBytes] {
        try meta()?.extendedAttributes.map(\.name) ?? []
    }

    func extendedAttribute(named name: NameBytes) throws(Errno) -> [UInt8] {
        try (meta()?.extendedAttributes ?? []).value(named: name)
    }

    func openDirectory() throws(Errno) -> any OpenDirectory {
        let tree = try tree()
        return OpenCommitDirectory(
            self,
            directories: directories(tree),
            files: tree?.files ?? [],
            additions: visibleAdditions(tree)
        )
    }

    private func tree() throws(Errno) -> DirTree? {
        guard let source else { return nil }
        return try export.tree(source.tree)
    }

    private func meta() throws(Errno) -> DirMeta? {
        guard let source else { return nil }
        return try export.meta(source.meta)
    }

    private func isReplaced(_ directory: DirTree.Directory) -> Bool {
        additions.contains { $0.replacesEmptyFolder && $0.name == directory.name }
    }

    /// Without those whose names the commit uses itself.
    private func visibleAdditions(_ tree: DirTree?) -> [ViewAddition] {
        additions.filter { addition in
            if let own = tree?.directory(named: addition.name) { return isReplaced(own) }
            return tree?.file(named: addition.name) == nil
        }
    }

    /// The commit's own directories, as far as they are shown.
    private func directories(_ tree: DirTree?) -> [DirTree.Directory] {
        (tree?.directories ?? []).filter { !isReplaced($0) }
    }

    // MARK: Entries

    func entry(_ directory: DirTree.Directory, cookie: UInt64) -> DirectoryEntry {
        DirectoryEntry(
            qid: InodeNumber.qid(.directory, InodeNumber.place(directory.name, in: qid.path)),
            type: UInt8(DT_DIR),
            cookie: cookie
        )
    }

    func entry(_ addition: ViewAddition, cookie: UInt64) -> DirectoryEntry {
        DirectoryEntry(
            qid: InodeNumber.qid(.directory, InodeNumber.place(addition.name, in: qid.path)),
            type: UInt8(DT_DIR),
            cookie: cookie
        )
    }

    /// A file that cannot be read is listed all the same: whoever looks at it gets the error.
    func entry(_ file: DirTree.File, cookie: UInt64) -> DirectoryEntry {
        do throws(Errno) {
            let node = try CommitFile(export, file, in: self, isCopy: isCopy)
            return DirectoryEntry(
                qid: node.qid,
                type: node.directoryEntryType,
                cookie: cookie
            )
        } catch {
            return DirectoryEntry(
                qid: InodeNumber.qid(.file, InodeNumber.object(file.checksum)),
                type: UInt8(DT_UNKNOWN),
                cookie: cookie
            )
        }
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

/// The open directory's entries: ".", "..", directories, files, additions. A cookie is the number of
/// entries up to and with its own, so it stays valid for seekdir.
private final class OpenCommitDirectory: OpenDirectory {
    private let node: DirectoryNode
    private let directories: [DirTree.Directory]
    private let files: [DirTree.File]
    private let additions: [ViewAddition]

    init(
        _ node: DirectoryNode,
        directories: [DirTree.Directory],
        files: [DirTree.File],
        additions: [ViewAddition]
    ) {
        self.node = node
        self.directories = directories
        self.files = files
        self.additions = additions
    }

    func entries(after cookie: UInt64, _ visit: DirectoryVisitor) throws(Errno) {
        let dots: [UInt8] = [UInt8(ascii: "."), UInt8(ascii: ".")]
        let count = 2 + directories.count + files.count + additions.count
        guard cookie < UInt64(count) else { return }
        for index in Int(cookie)..<count {
            let next = UInt64(index + 1)
            let goesOn: Bool
            switch index {
            case 0: goesOn = visit(dots.span.extracting(first: 1), self.dots(node, next))
            case 1: goesOn = visit(dots.span, self.dots(node.parent(), next))
            case ..<(2 + directories.count):
                let directory = directories[index - 2]
                goesOn = visit(directory.name.span, node.entry(directory, cookie: next))
            case ..<(2 + directories.count + files.count):
                let file = files[index - 2 - directories.count]
                goesOn = visit(file.name.span, node.entry(file, cookie: next))
            default:
                let addition = additions[index - 2 - directories.count - files.count]
                goesOn = visit(addition.name.span, node.entry(addition, cookie: next))
            }
            if !goesOn { return }
        }
    }

    private func dots(_ node: any Node, _ cookie: UInt64) -> DirectoryEntry {
        DirectoryEntry(qid: node.qid, type: UInt8(DT_DIR), cookie: cookie)
    }
}
