internal import CLinux
internal import SystemIO
internal import SystemPackage

/// The `objects` folder of one repository. Immutable, so usable from any thread.
final class ObjectStore: Sendable {
    let repository: FilePath
    let mode: Repository.Mode
    let folder: OwnedFD

    /// libostree's own limit for metadata objects (OSTREE_MAX_METADATA_SIZE) is of this order.
    static let metadataLimit = 128 << 20

    init(repository: FilePath, mode: Repository.Mode) throws(OSTreeError) {
        self.repository = repository
        self.mode = mode
        do throws(Errno) {
            folder = try OwnedFD.open(repository.appending("objects"), O_RDONLY | O_DIRECTORY)
        } catch {
            throw error == .noSuchFileOrDirectory
                ? .notARepository(repository, reason: "it holds no `objects` folder")
                : .repositoryUnreadable(repository, error)
        }
    }

    /// `objects` as the open folder has it, wherever its path leads meanwhile: the xattr calls take
    /// paths only.
    var folderPath: FilePath { FilePath("/proc/self/fd/\(folder.rawValue)") }

    func file(of name: ObjectName) -> FilePath {
        repository.appending("objects").appending(name.path(in: mode))
    }

    /// Opens the object's file without following a symbolic link (ELOOP); nil if there is none.
    func open(_ name: ObjectName) throws(Errno) -> SharedFD? {
        do throws(Errno) {
            let folder = folder.rawValue
            let raw = try unsafe ObjectPath(name, in: mode).withPointer { (path) throws(Errno) in
                try syscall {
                    unsafe clinux_openat(
                        folder,
                        path,
                        O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
                        0
                    )
                }
            }
            return SharedFD(OwnedFD(raw))
        } catch {
            if error == .noSuchFileOrDirectory { return nil }
            throw error
        }
    }

    /// The bytes of a commit, dirtree or dirmeta; nil if this repository lacks it.
    func metadata(_ name: ObjectName) throws(OSTreeError) -> [UInt8]? {
        do throws(Errno) {
            guard let fd = try open(name) else { return nil }
            return try fd.contents(limit: ObjectStore.metadataLimit)
        } catch {
            throw .objectUnreadable(name, file: file(of: name), error)
        }
    }

    func corrupt(_ name: ObjectName, _ reason: String) -> OSTreeError {
        .objectCorrupt(name, file: file(of: name), reason: reason)
    }
}
