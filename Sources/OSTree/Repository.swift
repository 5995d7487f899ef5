internal import CLinux
internal import COSTree
internal import Synchronization
internal import SystemIO
package import SystemPackage

/// An OSTree repository on the host, opened for reading.
///
/// **Concurrency**: every method may be called from any thread and from several at once. Objects
/// are immutable and read without a lock; only the calls that libostree answers (`resolve`,
/// `references`) exclude each other.
package final class Repository: Sendable {
    /// How a repository keeps file objects (ostree-core.h, OstreeRepoMode).
    package enum Mode: String, Sendable {
        /// Compressed, with all metadata inside.
        case archive
        /// As themselves, with owner, mode and xattrs.
        case bare
        /// As themselves; owner, mode and xattrs are in the xattr `user.ostreemeta`.
        case bareUser = "bare-user"
        /// As themselves; owner and xattrs are not kept.
        case bareUserOnly = "bare-user-only"
    }

    package let path: FilePath
    package let mode: Mode
    private let library: Mutex<LibraryHandle>
    /// This repository's objects, then its parents'.
    let stores: [ObjectStore]

    /// Opens the repository in folder `path` (the one that holds `config`).
    package init(path: FilePath) throws(OSTreeError) {
        try Repository.checkFolder(path)
        let handle = try LibraryHandle(path: path)
        let mode = try Repository.mode(of: handle, at: path)
        var stores = [try ObjectStore(repository: path, mode: mode)]
        var next = handle.parentPath
        // libostree has opened the chain already, so it is sound; the bound only makes it evident.
        while let parent = next, stores.count < 16 {
            let handle = try LibraryHandle(path: parent)
            let mode = try Repository.mode(of: handle, at: parent)
            stores.append(try ObjectStore(repository: parent, mode: mode))
            next = handle.parentPath
        }
        self.path = path
        self.mode = mode
        self.stores = stores
        library = Mutex(handle)
    }

    private static func checkFolder(_ path: FilePath) throws(OSTreeError) {
        do throws(Errno) {
            _ = try OwnedFD.open(path.appending("config"), O_RDONLY)
        } catch .noSuchFileOrDirectory {
            var status = stat()
            let exists = unsafe path.withPlatformString { unsafe stat($0, &status) } == 0
            if exists { throw .notARepository(path, reason: "it holds no `config` file") }
            throw .repositoryMissing(path)
        } catch .notDirectory {
            throw .notARepository(path, reason: "it is not a folder")
        } catch {
            throw .repositoryUnreadable(path, error)
        }
    }

    private static func mode(
        of handle: LibraryHandle,
        at path: FilePath
    ) throws(OSTreeError) -> Mode {
        switch handle.mode {
        case OSTREE_REPO_MODE_ARCHIVE: .archive
        case OSTREE_REPO_MODE_BARE: .bare
        case OSTREE_REPO_MODE_BARE_USER: .bareUser
        case OSTREE_REPO_MODE_BARE_USER_ONLY: .bareUserOnly
        case OSTREE_REPO_MODE_BARE_SPLIT_XATTRS:
            throw .unsupportedMode(path, mode: "bare-split-xattrs")
        default:
            throw .unsupportedMode(path, mode: "number \(handle.mode.rawValue)")
        }
    }

    /// The commit that a ref, checksum, abbreviated checksum or `ref^` names. That the commit's
    /// objects exist is found out when they are read.
    package func resolve(_ revision: String) throws(OSTreeError) -> Checksum {
        let found = try library.withLock { handle throws(OSTreeError) in
            try handle.resolve(revision)
        }
        if let found { return found }
        let names = (try? references()) ?? []
        throw .referenceNotFound(
            revision,
            repository: path,
            similar: SimilarNames.of(revision, among: names)
        )
    }

    /// All refs, sorted.
    package func references() throws(OSTreeError) -> [String] {
        try library.withLock { handle throws(OSTreeError) in try handle.references() }
    }
}

// MARK: Metadata objects

extension Repository {
    package func commit(_ checksum: Checksum) throws(OSTreeError) -> Commit {
        try metadata(ObjectName(checksum, .commit)) { bytes throws(GVariantReader.Malformed) in
            try Commit(checksum: checksum, parsing: bytes)
        }
    }

    package func dirTree(_ checksum: Checksum) throws(OSTreeError) -> DirTree {
        try metadata(ObjectName(checksum, .dirTree)) { bytes throws(GVariantReader.Malformed) in
            try DirTree(parsing: bytes)
        }
    }

    package func dirMeta(_ checksum: Checksum) throws(OSTreeError) -> DirMeta {
        try metadata(ObjectName(checksum, .dirMeta)) { bytes throws(GVariantReader.Malformed) in
            try DirMeta(parsing: bytes)
        }
    }

    /// The stored bytes of a commit, dirtree or dirmeta. Their SHA-256 is always checked: they are
    /// small, and everything else hangs on them.
    package func metadataBytes(_ name: ObjectName) throws(OSTreeError) -> [UInt8] {
        try verifiedMetadata(name).bytes
    }

    private func metadata<Value>(
        _ name: ObjectName,
        _ parse: ([UInt8]) throws(GVariantReader.Malformed) -> Value
    ) throws(OSTreeError) -> Value {
        let (bytes, store) = try verifiedMetadata(name)
        do throws(GVariantReader.Malformed) {
            return try parse(bytes)
        } catch {
            throw store.corrupt(name, error.reason)
        }
    }

    private func verifiedMetadata(
        _ name: ObjectName
    ) throws(OSTreeError) -> (bytes: [UInt8], store: ObjectStore) {
        for store in stores {
            guard let bytes = try store.metadata(name) else { continue }
            let actual = SHA256.checksum(of: bytes)
            guard actual == name.checksum else {
                throw store.corrupt(name, "its content has checksum \(actual)")
            }
            return (bytes, store)
        }
        throw .objectMissing(name, repository: path)
    }
}
