import CLinux
import SystemIO
package import SystemPackage

/// A short folder (0700) for sockets and scratch files of one run, removed at its end.
///
/// It holds a locked file while its owner lives. The kernel drops the lock with the process, however
/// it ends, so the next run can tell what a killed run has left and remove it.
package final class PrivateFolder: Sendable {
    package let path: FilePath
    private let lock: FileLock

    private static let prefix = ".builddisks-run."
    private static let lockName = "lock"

    /// Makes a folder below `base` (XDG_RUNTIME_DIR or TMPDIR or /tmp; `sun_path` holds only 108
    /// bytes, so a long TMPDIR is passed over).
    package init() throws(BuildError) {
        Self.removeLeftovers()
        let base = Self.base
        do throws(Errno) {
            path = try makeTemporaryFolder(base.appending(Self.prefix))
            lock = try FileLock(path.appending(Self.lockName), mode: 0o600)
        } catch {
            throw .system(error, "cannot make a private folder in", base)
        }
    }

    /// Removes the folder and all in it.
    package func remove() { removeTree(path) }

    private static var base: FilePath {
        for name in ["XDG_RUNTIME_DIR", "TMPDIR"] {
            // User-mode Linux splits its arguments at spaces and colons.
            guard let value = environmentValue(name), value.utf8.count < 60,
                !value.contains(where: { " :,".contains($0) })
            else { continue }
            let path = FilePath(value)
            if path.isAbsolute, mayAccess(path, W_OK) { return path }
        }
        return "/tmp"
    }

    /// Removes folders of ours whose owner is gone. What belongs to other users is never touched.
    package static func removeLeftovers() {
        let base = Self.base
        for name in (try? directoryNames(base)) ?? [] where name.hasPrefix(prefix) {
            let folder = base.appending(name)
            guard let status = try? FileStatus(folder, followingLinks: false),
                status.kind == .directory, status.owner == getuid()
            else { continue }
            do throws(Errno) {
                _ = try FileLock(folder.appending(lockName), creating: false)
                removeTree(folder)
            } catch .noSuchFileOrDirectory {
                // Made this instant by another run which has not locked it yet, or not ours at all:
                // without our lock in it nothing is removed.
                continue
            } catch {
                continue
            }
        }
    }
}
