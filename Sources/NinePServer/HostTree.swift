import ByteStream
import CLinux
import NineP
import SystemIO
package import SystemPackage

/// A folder of the host, and what lies below it.
///
/// Everything is reached from one directory descriptor, one component at a time, without following
/// symbolic links and without path strings; other file systems mounted below are part of it.
/// A node keeps its object by an O_PATH descriptor. Under pressure idle descriptors are closed, and
/// reopened by name on use: what then has another device, inode or type gives ESTALE. What has been
/// unlinked cannot be reopened; such descriptors are closed last.
package final class HostTree: Export {
    let budget: DescriptorBudget
    let devices = DeviceTable()
    /// Memory for getdents64.
    let listings = MessageBufferPool(capacity: 16 << 10, limit: 4)
    /// The folder itself, never closed.
    let anchor: SharedFD
    private let rootStatus: HostStatus

    /// - Parameter budget: share one among all trees of a process.
    /// - Throws: what `open` and `statx` give; ENOTDIR for anything but a directory.
    package init(path: FilePath, budget: DescriptorBudget = DescriptorBudget()) throws(Errno) {
        self.budget = budget
        anchor = SharedFD(try OwnedFD.open(path, O_PATH | O_DIRECTORY))
        rootStatus = try HostStatus(anchor.rawValue)
    }

    package func root() -> any Node { HostNode(rootStatus, tree: self, parent: nil, name: []) }

    package func statistics() throws(Errno) -> FileSystemStatistics {
        var raw = statfs()
        try syscall { unsafe fstatfs(anchor.rawValue, &raw) }
        var figures = FileSystemStatistics()
        figures.blockSize = UInt32(truncatingIfNeeded: raw.f_bsize)
        figures.blocks = UInt64(raw.f_blocks)
        figures.freeBlocks = UInt64(raw.f_bfree)
        figures.availableBlocks = UInt64(raw.f_bavail)
        figures.files = UInt64(raw.f_files)
        figures.freeFiles = UInt64(raw.f_ffree)
        figures.maximumNameLength = UInt32(truncatingIfNeeded: raw.f_namelen)
        return figures
    }
}
