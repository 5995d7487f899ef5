import CLinux
import PackFormat
import SystemIO
import SystemPackage

extension BareRepository {
    /// Brings what a deployment will look at into the kernel's caches: each file's inode, and the
    /// content of the metadata objects. libostree asks for them one by one and waits for the disk each
    /// time; meanwhile the other processors have nothing to do. So this runs beside the import, on a
    /// thread of its own that ends by itself; what fails is only not warmed.
    func warm(_ inventory: PackInventory) {
        if inventory.entries.isEmpty { return }
        let objects = objects
        _ = try? Thread(name: "warm") {
            for entry in inventory.entries {
                let digits = String(decoding: hexDigits(entry.checksum), as: UTF8.self)
                let path = objects.appending(String(digits.prefix(2)))
                    .appending("\(digits.dropFirst(2)).\(entry.kind.fileExtension)")
                if entry.kind == .file {
                    _ = try? FileStatus(path, followingLinks: false)
                } else if let file = try? OwnedFD.open(path, O_RDONLY | O_NOFOLLOW) {
                    posix_fadvise(file.rawValue, 0, 0, CInt(POSIX_FADV_WILLNEED))
                }
            }
        }
    }
}
