import CLinux
import NineP
import SystemIO
import SystemPackage

/// The part of `struct statx` that a 9P server needs.
struct HostStatus {
    var mode: UInt32
    var uid: UInt32
    var gid: UInt32
    var linkCount: UInt32
    var device: UInt64
    var specialDevice: UInt64
    var inode: UInt64
    var size: UInt64
    var blockSize: UInt32
    var blocks: UInt64
    var accessed: Attributes.Time
    var modified: Attributes.Time
    var changed: Attributes.Time

    /// Of an open descriptor, O_PATH ones included. The C function is `statx`.
    init(_ file: SharedFD) throws(Errno) {
        var raw = CLinux.statx()
        try file.withRawValue { (descriptor) throws(Errno) in
            try syscall { unsafe clinux_statx_fd(descriptor, &raw) }
        }
        self.init(raw)
    }

    private init(_ raw: CLinux.statx) {
        mode = UInt32(raw.stx_mode)
        uid = raw.stx_uid
        gid = raw.stx_gid
        linkCount = raw.stx_nlink
        device = clinux_makedev(raw.stx_dev_major, raw.stx_dev_minor)
        specialDevice = clinux_makedev(raw.stx_rdev_major, raw.stx_rdev_minor)
        inode = raw.stx_ino
        size = raw.stx_size
        blockSize = raw.stx_blksize
        blocks = raw.stx_blocks
        accessed = Attributes.Time(raw.stx_atime)
        modified = Attributes.Time(raw.stx_mtime)
        changed = Attributes.Time(raw.stx_ctime)
    }

    /// Of a name in a directory, itself even if it is a symbolic link.
    init(_ name: HostName, in directory: SharedFD) throws(Errno) {
        self.init(try HostCalls.status(of: name, in: directory))
    }

    /// A file that may be made up as it is read, as those of /proc and /sys are: it occupies nothing,
    /// and its size may say nothing. Of larger ones it says the truth, or they are sparse.
    var isMadeUp: Bool { blocks == 0 && size <= UInt64(Self.largestMadeUp) }

    static let largestMadeUp = 64 << 10

    /// S_IFREG, S_IFDIR, …
    var type: UInt32 { mode & UInt32(S_IFMT) }

    /// Changes with a file's content, so that a client's cache can tell; never 0. Directories keep
    /// theirs: Linux takes another version for another inode (fs/9p/vfs_inode_dotl.c).
    var qidVersion: UInt32 {
        guard type == UInt32(S_IFREG) else { return 1 }
        let mixed =
            modified.seconds &* 0x9e37_79b9_7f4a_7c15 ^ modified.nanoseconds
            &* 0xc2b2_ae3d_27d4_eb4f
        return UInt32(truncatingIfNeeded: mixed >> 32 ^ mixed) | 1
    }

    var attributes: Attributes {
        var attributes = Attributes(
            mode: mode,
            uid: uid,
            gid: gid,
            linkCount: UInt64(linkCount),
            size: size,
            blocks: blocks,
            accessed: accessed,
            modified: modified,
            changed: changed
        )
        attributes.device = specialDevice
        attributes.blockSize = UInt64(blockSize)
        return attributes
    }
}

extension Attributes.Time {
    fileprivate init(_ time: statx_timestamp) {
        self.init(
            seconds: UInt64(bitPattern: time.tv_sec),
            nanoseconds: UInt64(time.tv_nsec)
        )
    }
}
