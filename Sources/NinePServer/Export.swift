package import ByteStream
package import NineP
import SystemIO
package import SystemPackage

/// A tree that the server presents, read-only.
///
/// **Concurrency**: every method of `Export`, `Node`, `OpenFile` and `OpenDirectory` is called from any
/// thread, and from several at once, also the same method of the same object. None may wait for a
/// client. What else each has to bear, and may do, stands with it; "may block" means on a disk.
package protocol Export: Sendable {
    /// The directory that Tattach gives. Always the same qid.
    ///
    /// May block. Calls at the same time may give one node or several that are alike.
    func root() throws(Errno) -> any Node

    /// Figures for Tstatfs.
    ///
    /// May block. The figures of one call belong together; nothing is promised between calls.
    func statistics() throws(Errno) -> FileSystemStatistics
}

/// One file system object, as a client names it: what a fid refers to. Identity never changes; a
/// name that comes to mean another object gives another `Node`.
package protocol Node: AnyObject, Sendable {
    /// Stable and unique within the export, also across host devices.
    ///
    /// Never blocks. The same for every thread, as long as the node exists.
    var qid: Qid { get }

    /// Metadata for Tgetattr.
    ///
    /// May block. The values of one call are those of one moment, which may lie a little back; calls
    /// at the same time may answer for different moments.
    func attributes() throws(Errno) -> Attributes

    /// The child of this directory with exactly that name. The server has refused "", ".", "..",
    /// and names with "/" or NUL before. Throws ENOENT, ENOTDIR, EACCES.
    ///
    /// May block. Calls at the same time for one name may give one node or two with the same qid.
    /// The name is valid during the call only.
    func child(named name: Span<UInt8>) throws(Errno) -> any Node

    /// The directory this node was reached through; the root is its own parent. Used for "..".
    ///
    /// Never blocks. The same for every thread, though not always the same object.
    func parent() -> any Node

    /// Target of a symbolic link; EINVAL for anything else.
    ///
    /// May block. Never changes while the node exists: another link is another node.
    func symlinkTarget() throws(Errno) -> [UInt8]

    /// Opens a regular file for reading; EISDIR, ELOOP, EACCES otherwise (only regular files).
    ///
    /// May block, for long where `openFileAtOnce` gives nil: then it is called from a worker, while
    /// other threads use this node, and even end its last fid. Calls at the same time may give one
    /// object.
    func openFile() throws(Errno) -> any OpenFile

    /// The same, or nil where it may take milliseconds (as when content has to be inflated first):
    /// `openFile` is then called from a worker, and other requests go on.
    ///
    /// Called on a carrier's thread. Blocks no longer than a few system calls take.
    func openFileAtOnce() throws(Errno) -> (any OpenFile)?

    /// Opens a directory for reading; ENOTDIR otherwise.
    ///
    /// May block. Calls at the same time may give one object.
    func openDirectory() throws(Errno) -> any OpenDirectory

    /// Names of the extended attributes; EOPNOTSUPP where the export has none.
    ///
    /// May block. Of one moment; an attribute may be gone when its value is asked for.
    func extendedAttributeNames() throws(Errno) -> [NameBytes]

    /// Value of one extended attribute; ENODATA when it is absent.
    ///
    /// May block. A whole value of one moment.
    func extendedAttribute(named name: NameBytes) throws(Errno) -> [UInt8]

    /// A fid stands for this node from now on. Only a hint, like `fidEnded`: what is kept for quick
    /// use may depend on it, nothing else.
    ///
    /// Never blocks. Each session begins a fid before it ends it; calls of several sessions come in any
    /// order.
    func fidBegan()

    /// A fid that stood for this node is gone.
    ///
    /// May block, as it may close files. Called once for each `fidBegan`, also while another thread is
    /// within another method of the node.
    func fidEnded()
}

extension Node {
    package func openFileAtOnce() throws(Errno) -> (any OpenFile)? { try openFile() }
    package func fidBegan() {}
    package func fidEnded() {}

    /// For those who have a name in an array.
    package func child(named name: NameBytes) throws(Errno) -> any Node {
        try child(named: name.span)
    }
}

/// A name or value as Linux has it: bytes, not necessarily UTF-8, without NUL.
package typealias NameBytes = [UInt8]

extension Span<UInt8> {
    /// 1 for ".", 2 for "..", 0 for any other name.
    var dots: Int {
        let dot = UInt8(ascii: ".")
        switch count {
        case 1: return self[0] == dot ? 1 : 0
        case 2: return self[0] == dot && self[1] == dot ? 2 : 0
        default: return 0
        }
    }

    package func isEqual(to bytes: some Collection<UInt8>) -> Bool {
        guard bytes.count == count else { return false }
        var index = 0
        for byte in bytes {
            if self[index] != byte { return false }
            index += 1
        }
        return true
    }
}

/// A regular file that a fid has opened.
package protocol OpenFile: AnyObject, Sendable {
    /// At most `count` bytes from `offset` on; nothing at or past the end.
    ///
    /// May block, for long where `dataAtOnce` gives nil. There is no position that calls would share.
    /// The file of a slice stays open as long as the slice is held, whatever becomes of this object and
    /// its node.
    func data(at offset: UInt64, count: Int) throws(Errno) -> FileData

    /// The same, or nil where it may take milliseconds, as content has to be had again first: `data`
    /// is then called from a worker.
    ///
    /// Called on a carrier's thread. Blocks no longer than a few system calls take.
    func dataAtOnce(at offset: UInt64, count: Int) throws(Errno) -> FileData?

    /// What takes long is a disk, and not work: such reads do not queue behind those that inflate.
    var waitsForDisk: Bool { get }
}

extension OpenFile {
    package var waitsForDisk: Bool { false }

    package func dataAtOnce(at offset: UInt64, count: Int) throws(Errno) -> FileData? {
        try data(at: offset, count: count)
    }
}

/// Where the bytes of a read are.
package enum FileData: Sendable {
    /// In a file that the carrier can copy from without our touching the bytes.
    case slice(FileSlice)
    case bytes(ArraySlice<UInt8>)
    case end
}

extension FileData {
    /// A slice that can be read, as far as `PageCache.presence` tells. An error has to be told before the
    /// reply is begun: when the carrier comes to read, the reply's length is promised.
    /// - Parameter mayWait: else nil where a disk would have to be waited for.
    package static func checked(
        _ slice: FileSlice,
        mayWait: Bool
    ) throws(Errno) -> FileData? {
        switch try PageCache.presence(of: slice.file, at: slice.offset, count: slice.count) {
        case .present: return .slice(slice)
        case .end: return .end
        case .absent:
            guard mayWait else { return nil }
            let count = try PageCache.load(slice.file, at: slice.offset, count: slice.count)
            // It may have lost its end since.
            if count == 0 { return .end }
            return .slice(FileSlice(file: slice.file, offset: slice.offset, count: count))
        }
    }
}

/// A directory that a fid has opened.
package protocol OpenDirectory: AnyObject, Sendable {
    /// Calls `visit` for each entry after the one with `cookie` (0: from the start), "." and ".."
    /// included, until it returns false. Cookies are never 0, and stay valid for earlier positions
    /// (seekdir) while the directory is open.
    ///
    /// May block, also on other calls for the same directory: there is no position that calls share, so
    /// they may have to take turns. `visit` is called on the caller's thread, one entry after the other,
    /// and possibly within such a turn: it must neither block nor list a directory.
    func entries(after cookie: UInt64, _ visit: DirectoryVisitor) throws(Errno)
}

/// Takes an entry's name, valid during the call, and what else there is to tell of it. Returns false
/// when it has enough.
package typealias DirectoryVisitor = (_ name: Span<UInt8>, _ entry: DirectoryEntry) -> Bool

package struct DirectoryEntry: Sendable {
    package var qid: Qid
    /// DT_REG, DT_DIR, DT_LNK, … (dirent.h).
    package var type: UInt8
    /// Where to go on after this entry.
    package var cookie: UInt64

    package init(qid: Qid, type: UInt8, cookie: UInt64) {
        self.qid = qid
        self.type = type
        self.cookie = cookie
    }
}

/// What stat(2) tells; times in seconds and nanoseconds since 1970.
package struct Attributes: Sendable, Equatable {
    /// Type and permission bits, as st_mode.
    package var mode: UInt32
    package var uid: UInt32
    package var gid: UInt32
    package var linkCount: UInt64
    package var device: UInt64 = 0
    /// In bytes.
    package var size: UInt64
    package var blockSize: UInt64 = 4096
    /// In units of 512 bytes.
    package var blocks: UInt64
    package var accessed: Time
    package var modified: Time
    package var changed: Time

    package struct Time: Sendable, Equatable {
        package var seconds: UInt64
        package var nanoseconds: UInt64
        package init(seconds: UInt64, nanoseconds: UInt64 = 0) {
            self.seconds = seconds
            self.nanoseconds = nanoseconds
        }
    }

    package init(
        mode: UInt32,
        uid: UInt32,
        gid: UInt32,
        linkCount: UInt64,
        size: UInt64,
        blocks: UInt64,
        accessed: Time,
        modified: Time,
        changed: Time
    ) {
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.linkCount = linkCount
        self.size = size
        self.blocks = blocks
        self.accessed = accessed
        self.modified = modified
        self.changed = changed
    }
}

/// What statfs(2) tells.
package struct FileSystemStatistics: Sendable {
    package var type: UInt32 = 0x0102_1997  // V9FS_MAGIC
    package var blockSize: UInt32 = 4096
    package var blocks: UInt64 = 0
    package var freeBlocks: UInt64 = 0
    package var availableBlocks: UInt64 = 0
    package var files: UInt64 = 0
    package var freeFiles: UInt64 = 0
    package var identifier: UInt64 = 0
    package var maximumNameLength: UInt32 = 255
    package init() {}
}
