import CLinux
import NineP
import SystemPackage

/// A synthetic tree: directories and files made of what the program has, and other exports' roots.
package final class Namespace: Export {
    package indirect enum Entry: Sendable {
        case directory([(name: String, entry: Entry)])
        case file([UInt8], extendedAttributes: [(name: String, value: [UInt8])] = [])
        case symlink(target: [UInt8])
        /// Another export's root.
        case export(any Export)
    }

    private let top: SyntheticNode

    package init(_ entries: [(name: String, entry: Entry)]) {
        let numbers = SyntheticNumbers()
        top = SyntheticNode(.directory(entries), numbers: numbers, container: nil)
    }

    package func root() -> any Node { top }

    package func statistics() -> FileSystemStatistics { FileSystemStatistics() }
}

/// Gives qid paths: space 0 to the namespace's own nodes, the next ones to exports within it.
private final class SyntheticNumbers {
    let folder = PathFolder(bits: 56)
    private var nodes: UInt64 = 0
    private var exports = 0

    func nextNode() -> UInt64 {
        nodes += 1
        return folder.fold(space: 0, number: nodes)
    }

    func nextExport() -> Int {
        exports += 1
        return exports
    }
}

/// One node of a `Namespace`; nothing in it changes after its making.
private final class SyntheticNode: Node, OpenDirectory, OpenFile, @unchecked Sendable {
    // SAFETY: `children` is filled in the initialiser only; `container` outlives its children, as
    // the namespace's top holds them all.
    private enum Content {
        case directory
        case file([UInt8], [(name: String, value: [UInt8])])
        case symlink([UInt8])
        case export(any Export, folder: PathFolder, space: Int)
    }

    let qid: Qid
    private let content: Content
    private var children: [(name: NameBytes, node: SyntheticNode)] = []
    private unowned let container: SyntheticNode?

    init(_ entry: Namespace.Entry, numbers: SyntheticNumbers, container: SyntheticNode?) {
        self.container = container
        var kind = Qid.Kind.file
        var entries: [(name: String, entry: Namespace.Entry)] = []
        switch entry {
        case .directory(let named):
            kind = .directory
            content = .directory
            entries = named
        case .file(let bytes, let attributes): content = .file(bytes, attributes)
        case .symlink(let target):
            kind = .symlink
            content = .symlink(target)
        case .export(let export):
            kind = .directory
            content = .export(export, folder: numbers.folder, space: numbers.nextExport())
        }
        qid = Qid(kind: kind, version: 1, path: numbers.nextNode())
        children = entries.map { name, entry in
            (Array(name.utf8), SyntheticNode(entry, numbers: numbers, container: self))
        }
    }

    func attributes() throws(Errno) -> Attributes {
        let (type, permissions, size): (Int32, UInt32, Int) =
            switch content {
            case .directory, .export: (Int32(S_IFDIR), 0o555, 0)
            case .file(let bytes, _): (Int32(S_IFREG), 0o444, bytes.count)
            case .symlink(let target): (Int32(S_IFLNK), 0o777, target.count)
            }
        let epoch = Attributes.Time(seconds: 0)
        return Attributes(
            mode: UInt32(type) | permissions,
            uid: 0,
            gid: 0,
            linkCount: 1,
            size: UInt64(size),
            blocks: UInt64(size + 511) / 512,
            accessed: epoch,
            modified: epoch,
            changed: epoch
        )
    }

    func child(named name: Span<UInt8>) throws(Errno) -> any Node {
        guard qid.kind == .directory else { throw .notDirectory }
        guard let child = children.first(where: { name.isEqual(to: $0.name) })?.node else {
            throw .noSuchFileOrDirectory
        }
        guard case .export(let export, let folder, let space) = child.content else { return child }
        let place = ForeignPlace(mount: child, above: self, folder: folder, space: space)
        return ForeignNode(try export.root(), place: place, isRoot: true)
    }

    func parent() -> any Node { container ?? self }

    func symlinkTarget() throws(Errno) -> [UInt8] {
        guard case .symlink(let target) = content else { throw .invalidArgument }
        return target
    }

    func openFile() throws(Errno) -> any OpenFile {
        switch content {
        case .file: return self
        case .directory, .export: throw .isDirectory
        case .symlink: throw .tooManySymbolicLinkLevels
        }
    }

    func openDirectory() throws(Errno) -> any OpenDirectory {
        guard qid.kind == .directory else { throw .notDirectory }
        return self
    }

    func extendedAttributeNames() throws(Errno) -> [NameBytes] {
        guard case .file(_, let attributes) = content else { return [] }
        return attributes.map { Array($0.name.utf8) }
    }

    func extendedAttribute(named name: NameBytes) throws(Errno) -> [UInt8] {
        guard case .file(_, let attributes) = content,
            let found = attributes.first(where: { $0.name.utf8.elementsEqual(name) })
        else { throw Errno(rawValue: ENODATA) }
        return found.value
    }

    func data(at offset: UInt64, count: Int) throws(Errno) -> FileData {
        guard case .file(let bytes, _) = content, offset < UInt64(bytes.count) else { return .end }
        return .bytes(bytes[Int(offset)...].prefix(count))
    }

    /// Cookies are positions, counted from 1.
    func entries(after cookie: UInt64, _ visit: DirectoryVisitor) throws(Errno) {
        let dot = UInt8(ascii: ".")
        for position in Int(clamping: cookie)..<max(Int(clamping: cookie), children.count + 2) {
            let (name, qid): (NameBytes, Qid) =
                switch position {
                case 0: ([dot], self.qid)
                case 1: ([dot, dot], parent().qid)
                default: (children[position - 2].name, children[position - 2].node.qid)
                }
            let type: Int =
                switch qid.kind {
                case .directory: Int(DT_DIR)
                case .symlink: Int(DT_LNK)
                default: Int(DT_REG)
                }
            let entry = DirectoryEntry(
                qid: qid,
                type: UInt8(type),
                cookie: UInt64(position) + 1
            )
            guard visit(name.span, entry) else { return }
        }
    }
}
