import CLinux
import NineP
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
    package let commit: Commit
    let repository: Repository
    let mountPoints: [MountPoint]
    let contents: ContentCache
    private let trees = BoundedCache<Checksum, DirTree>(costLimit: 64 << 20)
    private let metas = BoundedCache<Checksum, DirMeta>(costLimit: 4 << 20)
    private let infos = BoundedCache<Checksum, FileInfo>(costLimit: 32 << 20)
    private let links = Mutex<LinkCounts?>(nil)
    private let failures = Mutex<[OSTreeError]>([])

    /// - Parameters:
    ///   - cacheLimit: bytes of inflated content to keep.
    ///   - descriptorLimit: how many inflated objects to keep in files.
    /// - Throws: what is wrong with the commit's root.
    package init(
        repository: Repository,
        commit: Commit,
        mountPoints: [MountPoint] = MountPoint.standard,
        cacheLimit: Int = 256 << 20,
        descriptorLimit: Int = 256
    ) throws(OSTreeError) {
        self.repository = repository
        self.commit = commit
        self.mountPoints = mountPoints
        contents = ContentCache(
            repository: repository,
            limit: cacheLimit,
            descriptorLimit: descriptorLimit
        )
        // A commit without its root is found out now, not in the guest.
        _ = try repository.dirTree(commit.rootTree)
        _ = try repository.dirMeta(commit.rootMeta)
    }

    package func root() throws(Errno) -> any Node { try makeRoot() }

    package func statistics() throws(Errno) -> FileSystemStatistics { FileSystemStatistics() }

    /// What could not be read so far, in the order of finding it: a guest only sees EIO. At most a
    /// hundred are kept.
    package var readFailures: [OSTreeError] { failures.withLock { $0 } }

    /// Bytes of inflated content held now, and number of objects.
    package var cacheUsage: (cost: Int, count: Int) { contents.usage }

    // MARK: Objects

    func tree(_ checksum: Checksum) throws(Errno) -> DirTree {
        if let tree = trees.value(checksum) { return tree }
        let tree = try reading { () throws(OSTreeError) in try repository.dirTree(checksum) }
        let cost = 128 * (tree.files.count + tree.directories.count + 1)
        return trees.insert(checksum, tree, cost: cost)
    }

    func meta(_ checksum: Checksum) throws(Errno) -> DirMeta {
        if let meta = metas.value(checksum) { return meta }
        let meta = try reading { () throws(OSTreeError) in try repository.dirMeta(checksum) }
        return metas.insert(checksum, meta, cost: 256)
    }

    func info(_ checksum: Checksum) throws(Errno) -> FileInfo {
        if let info = infos.value(checksum) { return info }
        let info = try reading { () throws(OSTreeError) in try repository.fileInfo(checksum) }
        let attributes = info.extendedAttributes.reduce(0) { $0 + $1.name.count + $1.value.count }
        return infos.insert(checksum, info, cost: 256 + info.symlinkTarget.count + attributes)
    }

    func content(_ checksum: Checksum) throws(Errno) -> Content {
        try reading { () throws(OSTreeError) in try contents.content(of: checksum) }
    }

    /// How many paths of the commit lead to the object. The first call reads all dirtrees.
    func linkCount(_ checksum: Checksum) throws(Errno) -> UInt64 {
        let counts = try reading { () throws(OSTreeError) in
            try links.withLock { links throws(OSTreeError) in
                if let known = links { return known }
                let counts = try LinkCounts(commit: commit, repository: repository)
                links = counts
                return counts
            }
        }
        return counts.count(of: checksum)
    }

    /// Notes what is wrong for `readFailures`, and gives the client an errno for it.
    private func reading<Value>(
        _ body: () throws(OSTreeError) -> Value
    ) throws(Errno) -> Value {
        do throws(OSTreeError) {
            return try body()
        } catch {
            failures.withLock { if $0.count < 100 { $0.append(error) } }
            if case .objectUnreadable(_, _, let errno) = error { throw errno }
            throw .ioError
        }
    }
}
