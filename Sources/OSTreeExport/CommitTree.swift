package import NinePServer
package import OSTree
import Synchronization
package import SystemPackage

/// A commit presented as a root file system: its own owners, modes, links and extended attributes,
/// whoever runs the server.
///
/// - An object is one inode, as in a checkout from a bare repository: its qid path comes from its
///   checksum, its link count is the number of its paths. Empty files are an inode each.
/// - `/etc` is a copy of `/usr/etc` (as a deployment has it) where the commit has none.
/// - Mount points that the commit lacks are there, empty.
package final class CommitTree: Export {
    private let view: CommitView
    private let rootNode = Mutex<DirectoryNode?>(nil)

    /// - Parameters:
    ///   - cacheLimit: bytes of inflated content to keep in memory.
    ///   - budget: share one among all exports of a process.
    ///   - descriptorLimit: how many of its descriptors to use at most, for inflated objects in files
    ///     and for objects that are stored plain.
    ///   - folderLimit: bytes, about, of directories' listings and the nodes in them to keep.
    /// - Throws: what is wrong with the commit's root.
    package init(
        repository: Repository,
        commit: Commit,
        mountPoints: [MountPoint] = MountPoint.standard,
        cacheLimit: Int = 256 << 20,
        budget: DescriptorBudget = DescriptorBudget(),
        descriptorLimit: Int = 1024,
        folderLimit: Int = 64 << 20
    ) throws(OSTreeError) {
        view = CommitView(
            commit,
            of: repository,
            mountPoints: mountPoints,
            folderLimit: folderLimit,
            contents: ContentCache(
                repository: repository,
                limit: cacheLimit,
                budget: budget,
                descriptorLimit: descriptorLimit
            )
        )
        // A commit without its root is found out now, not in the guest.
        _ = try repository.dirTree(commit.rootTree)
        _ = try repository.dirMeta(commit.rootMeta)
    }

    /// The cache's folders refer to the view, which holds the cache.
    deinit { view.folders.end() }

    package func root() throws(Errno) -> any Node {
        try rootNode.withLock { rootNode throws(Errno) in
            if let known = rootNode { return known }
            let root = try view.makeRoot()
            rootNode = root
            return root
        }
    }

    package func statistics() throws(Errno) -> FileSystemStatistics { FileSystemStatistics() }

    /// What could not be read so far, in the order of finding it: a guest only sees EIO. At most a
    /// hundred are kept.
    package var readFailures: [OSTreeError] { view.readFailures }

    /// Bytes of inflated content held now, and number of objects.
    package var cacheUsage: (cost: Int, count: Int) { view.contents.usage }
}
