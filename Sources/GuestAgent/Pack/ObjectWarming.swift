import CLinux
import PackFormat
import SystemIO
import SystemPackage

extension BareRepository {
    /// Brings what a deployment will look at into the kernel's caches: each file's inode, and the
    /// content of the metadata objects. libostree asks for them one by one and waits for the disk each
    /// time; meanwhile the other processors, if there are any, have nothing to do. So this runs beside
    /// import and deployment, on a thread of its own that ends by itself; what fails is only not warmed.
    func warm() {
        guard processorCount() > 1 else { return }
        _ = try? Thread(name: "warm") {
            try? forEachFolder { entries in
                for entry in entries {
                    let path = file(of: entry)
                    if entry.kind == .file {
                        _ = try? FileStatus(path, followingLinks: false)
                    } else if let file = try? OwnedFD.open(path, O_RDONLY | O_NOFOLLOW) {
                        posix_fadvise(file.rawValue, 0, 0, CInt(POSIX_FADV_WILLNEED))
                    }
                }
            }
        }
    }
}
