import CLinux
import NineP
import NinePServer
import OSTree
import Synchronization
import SystemPackage

/// What one directory shows: ".", "..", directories, files, additions. A cookie is the number of
/// entries up to and with its own, so it stays valid for seekdir.
///
/// Kept while the cache has room, together with the nodes that were asked for, so that a directory
/// that has been walked through or listed before costs no memory the next time.
final class FolderContents: Sendable {
    private let directory: DirectoryNode
    /// The commit's own entries, as far as they are shown.
    private let tree: DirTree
    /// Without those whose names the commit uses itself.
    private let additions: [ViewAddition]
    /// Of all entries but the dots, in the order of the listing; nil for those not met so far.
    private let nodes: Mutex<[(any Node)?]>

    private static let dots: [UInt8] = [UInt8(ascii: "."), UInt8(ascii: ".")]

    init(of directory: DirectoryNode, _ tree: DirTree, _ additions: [ViewAddition]) {
        let shown = tree.leavingOut { own in
            additions.contains { $0.replacesEmptyFolder && $0.name == own.name }
        }
        let visible = additions.filter {
            shown.directory(named: $0.name) == nil && shown.file(named: $0.name) == nil
        }
        let count = shown.directories.count + shown.files.count + visible.count
        self.directory = directory
        self.tree = shown
        self.additions = visible
        nodes = Mutex(Array(repeating: nil, count: count))
    }

    var directoryCount: Int { tree.directories.count + additions.count }

    private var count: Int { directoryCount + tree.files.count }

    /// Bytes that it takes about, with a node and a name for each entry.
    var cost: Int { 512 + 320 * count }

    // MARK: Nodes

    func child(named name: Span<UInt8>) throws(Errno) -> any Node {
        if let place = tree.directoryIndex(named: name) { return try node(place) }
        if let place = tree.fileIndex(named: name) {
            return try node(tree.directories.count + place)
        }
        for place in additions.indices where name.isEqual(to: additions[place].name) {
            return try node(tree.directories.count + tree.files.count + place)
        }
        throw .noSuchFileOrDirectory
    }

    /// The node of the entry with that number. Of two threads that make it, the first counts.
    private func node(_ number: Int) throws(Errno) -> any Node {
        if let known = nodes.withLock({ $0[number] }) { return known }
        let made = try makeNode(number)
        return nodes.withLock { nodes in
            if let known = nodes[number] { return known }
            nodes[number] = made
            return made
        }
    }

    private func makeNode(_ number: Int) throws(Errno) -> any Node {
        var place = number
        if place < tree.directories.count {
            return DirectoryNode(tree.directories[place], in: directory)
        }
        place -= tree.directories.count
        if place < tree.files.count { return try CommitFile(tree.files[place], in: directory) }
        return DirectoryNode(additions[place - tree.files.count], in: directory)
    }

    // MARK: Entries

    func entries(after cookie: UInt64, _ visit: DirectoryVisitor) throws(Errno) {
        let count = 2 + count
        guard cookie < UInt64(count) else { return }
        for index in Int(cookie)..<count {
            let next = UInt64(index + 1)
            let goesOn: Bool
            switch index {
            case 0:
                let dots = Self.dots
                goesOn = visit(dots.span.extracting(first: 1), entry(directory.qid, next))
            case 1:
                let dots = Self.dots
                goesOn = visit(dots.span, entry(directory.parent().qid, next))
            default:
                let name = name(index - 2)
                goesOn = visit(name.span, entry(index - 2, next))
            }
            if !goesOn { return }
        }
    }

    private func name(_ number: Int) -> [UInt8] {
        var place = number
        if place < tree.directories.count { return tree.directories[place].name }
        place -= tree.directories.count
        if place < tree.files.count { return tree.files[place].name }
        return additions[place - tree.files.count].name
    }

    /// A file that cannot be read is listed all the same: whoever looks at it gets the error.
    private func entry(_ number: Int, _ cookie: UInt64) -> DirectoryEntry {
        do throws(Errno) {
            return entry(try node(number).qid, cookie)
        } catch {
            let checksum = tree.files[number - tree.directories.count].checksum
            return DirectoryEntry(
                qid: InodeNumber.qid(.file, InodeNumber.object(checksum)),
                type: UInt8(DT_UNKNOWN),
                cookie: cookie
            )
        }
    }

    private func entry(_ qid: Qid, _ cookie: UInt64) -> DirectoryEntry {
        let type =
            switch qid.kind {
            case .directory: DT_DIR
            case .symlink: DT_LNK
            default: DT_REG
            }
        return DirectoryEntry(qid: qid, type: UInt8(type), cookie: cookie)
    }
}
