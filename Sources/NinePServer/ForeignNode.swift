import NineP
import SystemPackage

/// Where an export lies within a namespace.
final class ForeignPlace: Sendable {
    /// The namespace's own node for it, whose qid the export's root takes.
    let mount: any Node
    /// The directory that the mount is in.
    let above: any Node
    let folder: PathFolder
    let space: Int

    init(mount: any Node, above: any Node, folder: PathFolder, space: Int) {
        self.mount = mount
        self.above = above
        self.folder = folder
        self.space = space
    }

    func qid(_ inner: Qid) -> Qid {
        Qid(
            kind: inner.kind,
            version: inner.version,
            path: folder.fold(space: space, number: inner.path)
        )
    }
}

/// A node of an export that is part of a namespace: the same, but for its qid path and for "..".
final class ForeignNode: Node {
    private let inner: any Node
    private let place: ForeignPlace
    private let isRoot: Bool

    init(_ inner: any Node, place: ForeignPlace, isRoot: Bool) {
        self.inner = inner
        self.place = place
        self.isRoot = isRoot
    }

    var qid: Qid { isRoot ? place.mount.qid : place.qid(inner.qid) }

    func attributes() throws(Errno) -> Attributes { try inner.attributes() }

    func child(named name: Span<UInt8>) throws(Errno) -> any Node {
        ForeignNode(try inner.child(named: name), place: place, isRoot: false)
    }

    func parent() -> any Node {
        if isRoot { return place.above }
        let above = inner.parent()
        return ForeignNode(above, place: place, isRoot: above.parent() === above)
    }

    func symlinkTarget() throws(Errno) -> [UInt8] { try inner.symlinkTarget() }
    func openFile() throws(Errno) -> any OpenFile { try inner.openFile() }
    func openFileAtOnce() throws(Errno) -> (any OpenFile)? { try inner.openFileAtOnce() }

    func openDirectory() throws(Errno) -> any OpenDirectory {
        ForeignDirectory(try inner.openDirectory(), place: place, node: self)
    }

    func extendedAttributeNames() throws(Errno) -> [NameBytes] {
        try inner.extendedAttributeNames()
    }

    func extendedAttribute(named name: NameBytes) throws(Errno) -> [UInt8] {
        try inner.extendedAttribute(named: name)
    }

    func fidBegan() { inner.fidBegan() }
    func fidEnded() { inner.fidEnded() }
}

private final class ForeignDirectory: OpenDirectory {
    private let inner: any OpenDirectory
    private let place: ForeignPlace
    private let node: ForeignNode

    init(_ inner: any OpenDirectory, place: ForeignPlace, node: ForeignNode) {
        self.inner = inner
        self.place = place
        self.node = node
    }

    func entries(after cookie: UInt64, _ visit: DirectoryVisitor) throws(Errno) {
        try inner.entries(after: cookie) { name, entry in
            var entry = entry
            switch name.dots {
            case 1: entry.qid = node.qid
            case 2: entry.qid = node.parent().qid
            default: entry.qid = place.qid(entry.qid)
            }
            return visit(name, entry)
        }
    }
}
