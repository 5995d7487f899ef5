import ByteStream
import CLinux
import NineP
import Synchronization
import SystemIO
package import SystemPackage

/// A folder of the host, and what lies below it.
///
/// Everything is reached from one directory descriptor, one component at a time, without following
/// symbolic links and without path strings; other file systems mounted below are part of it.
/// A node that fids stand for keeps its object by one descriptor. Under pressure idle descriptors are
/// closed, and reopened by name on use: what then has another device, inode or type gives ESTALE.
/// What has been unlinked cannot be reopened; such descriptors are closed last.
///
/// Attributes are believed for 50 ms and the way through folders for 100 ms after the host was
/// last asked (`Belief`).
package final class HostTree: Export {
    private let shared: HostTreeState
    private let rootNode: HostNode

    /// - Parameter budget: share one among all trees of a process.
    /// - Throws: what `open` and `statx` give; ENOTDIR for anything but a directory.
    package init(path: FilePath, budget: DescriptorBudget = DescriptorBudget()) throws(Errno) {
        let anchor = SharedFD(try OwnedFD.open(path, O_PATH | O_DIRECTORY))
        shared = HostTreeState(anchor: anchor, budget: budget)
        let identity = try HostIdentity(HostStatus(anchor), tree: shared)
        rootNode = HostNode(tree: shared)
        rootNode.become(identity, named: Span(), in: nil)
    }

    /// The table's nodes refer to the state, which holds the table.
    deinit { shared.nodes.removeAll() }

    package func root() -> any Node { rootNode }

    package func statistics() throws(Errno) -> FileSystemStatistics {
        var raw = statfs()
        try syscall { unsafe fstatfs(shared.anchor.rawValue, &raw) }
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

/// What the nodes of one tree share.
final class HostTreeState: Sendable {
    /// The folder itself, never closed.
    let anchor: SharedFD
    let budget: DescriptorBudget
    let devices = DeviceTable()
    let nodes = NodeTable()
    let attributes = RecentFacts<HostStatus>(count: 1024)
    /// The cookies that directories end with.
    let ends = RecentFacts<UInt64>(count: 256)
    /// Memory for getdents64.
    let listings = MessageBufferPool(capacity: 16 << 10, limit: 4)
    private let turns = InlineArray<16, Mutex<Void>> { _ in Mutex(()) }

    init(anchor: SharedFD, budget: DescriptorBudget) {
        self.anchor = anchor
        self.budget = budget
    }

    /// Listings of one directory take turns, as its descriptor has one position.
    func withTurn(of object: HostObject, _ body: () throws(Errno) -> Void) throws(Errno) {
        try turns[Int(object.inode % 16)].withLock { _ throws(Errno) in try body() }
    }
}
