import NinePServer
import OSTree
import Synchronization
import SystemPackage

/// What the nodes of one `CommitTree` share: what was read from the repository, as long as the caches
/// have room for it.
final class CommitView: Sendable {
    let commit: Commit
    let mountPoints: [MountPoint]
    let contents: ContentCache
    /// By directory. What lies there holds its directory, so no other can get the same identifier.
    let folders: BoundedCache<ObjectIdentifier, FolderContents>
    private let repository: Repository
    private let metas = BoundedCache<Checksum, DirMeta>(costLimit: 4 << 20)
    private let infos = BoundedCache<Checksum, FileInfo>(costLimit: 32 << 20)
    private let links = Mutex<LinkCounts?>(nil)
    private let failures = Mutex<[OSTreeError]>([])

    init(
        _ commit: Commit,
        of repository: Repository,
        mountPoints: [MountPoint],
        folderLimit: Int,
        contents: ContentCache
    ) {
        self.commit = commit
        self.repository = repository
        self.mountPoints = mountPoints
        self.contents = contents
        folders = BoundedCache(costLimit: folderLimit)
    }

    /// What could not be read so far; at most a hundred are kept.
    var readFailures: [OSTreeError] { failures.withLock { $0 } }

    func tree(_ checksum: Checksum) throws(Errno) -> DirTree {
        try reading { () throws(OSTreeError) in try repository.dirTree(checksum) }
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

    /// Where content is now (`ContentCache.place`).
    func place(
        of checksum: Checksum,
        size: UInt64,
        _ ticket: borrowing DescriptorTicket,
        atOnce: Bool
    ) throws(Errno) -> ContentCache.Place? {
        try reading { () throws(OSTreeError) in
            try contents.place(of: checksum, size: size, ticket, atOnce: atOnce)
        }
    }

    /// How many paths of the commit lead to the object. The first call reads all dirtrees; what lies
    /// below one that is missing or damaged does not count, now or later.
    func linkCount(_ checksum: Checksum) -> UInt64 {
        links.withLock { links in
            if let known = links { return known.count(of: checksum) }
            let counts = LinkCounts(commit: commit, repository: repository)
            if let failure = counts.failure { note(failure) }
            links = counts
            return counts.count(of: checksum)
        }
    }

    /// Notes what is wrong for `readFailures`, and gives the client an errno for it.
    private func reading<Value>(
        _ body: () throws(OSTreeError) -> Value
    ) throws(Errno) -> Value {
        do throws(OSTreeError) {
            do throws(OSTreeError) {
                return try body()
            } catch .objectUnreadable(_, _, let errno)
                where errno == .tooManyOpenFiles || errno == .tooManyOpenFilesInSystem
            {
                contents.closeIdle()
                return try body()
            }
        } catch {
            note(error)
            if case .objectUnreadable(_, _, let errno) = error { throw errno }
            throw .ioError
        }
    }

    private func note(_ failure: OSTreeError) {
        failures.withLock { if $0.count < 100 { $0.append(failure) } }
    }
}
