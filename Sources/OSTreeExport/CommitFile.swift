import CLinux
import NineP
import NinePServer
import OSTree
import SystemPackage

/// A regular file or a symbolic link of the commit.
final class CommitFile: Node {
    private let checksum: Checksum
    private let info: FileInfo
    private let folder: DirectoryNode
    /// Whether this place is an inode of its own: an empty file (libostree never links those), or a
    /// file of the copied `/etc`.
    private let isOwnInode: Bool
    let qid: Qid

    init(_ file: DirTree.File, in folder: DirectoryNode) throws(Errno) {
        checksum = file.checksum
        info = try folder.view.info(file.checksum)
        self.folder = folder
        isOwnInode = folder.isCopy || (info.isRegular && info.size == 0)
        qid = InodeNumber.qid(
            info.isSymlink ? .symlink : .file,
            isOwnInode
                ? InodeNumber.place(file.name, in: folder.qid.path)
                : InodeNumber.object(file.checksum)
        )
    }

    private var view: CommitView { folder.view }

    func attributes() throws(Errno) -> Attributes {
        let size = info.isSymlink ? UInt64(info.symlinkTarget.count) : info.size
        return Attributes(
            mode: info.mode,
            uid: info.uid,
            gid: info.gid,
            linkCount: isOwnInode ? 1 : view.linkCount(checksum),
            size: size,
            blocks: info.isSymlink ? 0 : size / 512 + (size % 512 == 0 ? 0 : 1),
            accessed: .init(seconds: 0),
            modified: .init(seconds: 0),
            changed: .init(seconds: 0)
        )
    }

    func child(named name: Span<UInt8>) throws(Errno) -> any Node { throw .notDirectory }

    func parent() -> any Node { folder }

    func symlinkTarget() throws(Errno) -> [UInt8] {
        guard info.isSymlink else { throw .invalidArgument }
        return info.symlinkTarget
    }

    var opensSlowly: Bool {
        info.isRegular && !view.contents.isQuick(checksum, size: info.size)
    }

    func openFile() throws(Errno) -> any OpenFile {
        guard info.isRegular else { throw .tooManySymbolicLinkLevels }
        return try view.content(checksum, size: info.size)
    }

    func openDirectory() throws(Errno) -> any OpenDirectory { throw .notDirectory }

    func extendedAttributeNames() throws(Errno) -> [NameBytes] {
        info.extendedAttributes.map(\.name)
    }

    func extendedAttribute(named name: NameBytes) throws(Errno) -> [UInt8] {
        try info.extendedAttributes.value(named: name)
    }
}

extension [ExtendedAttribute] {
    func value(named name: NameBytes) throws(Errno) -> [UInt8] {
        guard let found = first(where: { $0.name == name }) else { throw .noData }
        return found.value
    }
}
