import CLinux
import SystemIO
import SystemPackage

extension BareRepository {
    /// Brings what a deployment will look at into the kernel's caches: each file's inode, and the
    /// content of the metadata objects. libostree asks for them one by one and waits for the disk each
    /// time; meanwhile the other processors, if there are any, have nothing to do. So this runs beside
    /// import and deployment, on a thread of its own that ends by itself; what fails is only not warmed.
    func warm() {
        guard processorCount() > 1 else { return }
        let objects = objects
        _ = try? Thread(name: "warm") {
            for folder in (try? directoryNames(objects)) ?? [] where folder.utf8.count == 2 {
                warmFolder(objects.appending(folder))
            }
        }
    }
}

/// One folder of objects. As little as can be done for each: in an emulated guest a path made of strings
/// costs more than the call that it is for.
private func warmFolder(_ path: FilePath) {
    guard let directory = unsafe path.withPlatformString({ unsafe opendir($0) }) else { return }
    defer { unsafe closedir(directory) }
    let folder = unsafe dirfd(directory)
    var status = stat()
    while let entry = unsafe readdir(directory) {
        // SAFETY: the name ends with a zero, and stays until the next call of readdir.
        unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
            let name = unsafe UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self)
            let length = unsafe strlen(name)
            // ".file"; metadata objects end otherwise.
            if length > 5, unsafe strcmp(name + length - 5, ".file") == 0 {
                _ = unsafe fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW)
            } else if unsafe name.pointee != CChar(bitPattern: UInt8(ascii: ".")) {
                let file = unsafe clinux_openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0)
                guard file >= 0 else { return }
                posix_fadvise(file, 0, 0, CInt(POSIX_FADV_WILLNEED))
                close(file)
            }
        }
    }
}
