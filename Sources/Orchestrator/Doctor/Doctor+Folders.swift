import Bootstrap
import CLinux
import SystemIO
import SystemPackage

/// Where builds and what they need again are put.
extension Doctor {
    /// Kernels and snapshots for the VM.
    static func cache() -> Finding {
        do throws(BootstrapError) {
            let folder = try BootstrapCache.standard().folder
            if mayAccess(folder, W_OK) { return Finding("cache", .good, "\(folder)") }
            throw .cacheUnusable(folder, .permissionDenied)
        } catch {
            return Finding(
                "cache",
                .limited,
                "\(error)",
                consequence: "every VM is made ready anew, and none is resumed"
            )
        }
    }

    /// The output, or the nearest folder above it that is there.
    static func space(_ output: FilePath) -> Finding {
        var folder = output
        while !fileExists(folder), !folder.removingLastComponent().isEmpty {
            folder.removeLastComponent()
        }
        func unusable(_ errno: Errno) -> Finding {
            Finding(
                "space",
                .missing,
                folder == output
                    ? "\(folder) cannot be written: \(errno)"
                    : "\(output) cannot be made in \(folder): \(errno)",
                consequence: "no disk can be published there",
                remedy: "choose another --output"
            )
        }
        let free: UInt64
        do throws(Errno) {
            // Only trying tells, of a file system like /proc.
            try removeEmptyFolder(try makeTemporaryFolder(folder.appending(".builddisks-doctor.")))
            free = try freeSpace(folder)
        } catch {
            return unusable(error)
        }
        let observation = "\(ProgressText.megabytes(free)) MB free in \(folder)"
        return free < 2 << 30
            ? Finding(
                "space",
                .limited,
                observation,
                consequence: "a system of 700 MB needs about 1 GB",
                remedy: "free space, or choose another --output"
            )
            : Finding("space", .good, observation)
    }
}
