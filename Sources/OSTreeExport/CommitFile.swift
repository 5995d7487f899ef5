import ByteStream
import CLinux
import NineP
import NinePServer
import OSTree
import SystemIO
import SystemPackage

/// A regular file or a symbolic link of the commit. An open file reads by itself: a fid holds nothing
/// but what the object is.
final class CommitFile: Node, OpenFile {
    private let checksum: Checksum
    private let info: FileInfo
    private let folder: DirectoryNode
    /// Whether this place is an inode of its own: an empty file (libostree never links those), or a
    /// file of the copied `/etc`.
    private let isOwnInode: Bool
    /// For the object's own file, where it is stored plain.
    private let ticket = DescriptorTicket()
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

    deinit { view.contents.plain.release(ticket) }

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

    // MARK: Content

    func openFile() throws(Errno) -> any OpenFile {
        _ = try place(atOnce: false)
        return self
    }

    func openFileAtOnce() throws(Errno) -> (any OpenFile)? {
        try place(atOnce: true) == nil ? nil : self
    }

    private func place(atOnce: Bool) throws(Errno) -> ContentCache.Place? {
        guard info.isRegular else { throw .tooManySymbolicLinkLevels }
        return try view.place(of: checksum, size: info.size, ticket, atOnce: atOnce)
    }

    func data(at offset: UInt64, count: Int) throws(Errno) -> FileData {
        try data(at: offset, count: count, atOnce: false) ?? .end
    }

    func dataAtOnce(at offset: UInt64, count: Int) throws(Errno) -> FileData? {
        try data(at: offset, count: count, atOnce: true)
    }

    private func data(
        at offset: UInt64,
        count: Int,
        atOnce: Bool
    ) throws(Errno) -> FileData? {
        guard offset < info.size, count > 0 else { return .end }
        let length = Int(min(UInt64(count), info.size - offset))
        guard let place = try place(atOnce: atOnce) else { return nil }
        switch place {
        case .bytes(let bytes):
            // As many as there are: an object that was replaced may have another size.
            return .bytes(bytes.dropFirst(Int(offset)).prefix(length))
        case .file(let file):
            let slice = FileSlice(file: file, offset: Int64(offset), count: length)
            return try FileData.checked(slice, mayWait: !atOnce)
        case .crowdedFile(let file):
            return .bytes(try file.read(count: length, at: Int64(offset))[...])
        }
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
