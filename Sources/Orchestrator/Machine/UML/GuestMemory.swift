import CLinux
import SystemIO
import SystemPackage

/// Where User-mode Linux may keep the guest's memory: in an unlinked file, mapped executable.
enum GuestMemory {
    /// The first folder that will do: ours, or a common one (Docker's /dev/shm is `noexec` and has
    /// 64 MB).
    /// - Parameter size: in MiB.
    /// - Throws: `.host`, with what each lacks.
    static func folder(preferring own: FilePath, size: Int) throws(BuildError) -> FilePath {
        var obstacles: [String] = []
        for folder in [own, "/dev/shm", "/var/tmp", "/tmp"] {
            guard let obstacle = obstacle(folder, size: size) else { return folder }
            obstacles.append("\(folder): \(obstacle)")
        }
        throw BuildError(
            .host,
            "no folder can hold the guest's memory (\(obstacles.joined(separator: "; ")))",
            hint: "Point TMPDIR to a folder with \(size) MiB free, mounted without noexec."
        )
    }

    /// Why a folder will not do; nil when it will.
    static func obstacle(_ folder: FilePath, size: Int) -> String? {
        guard let free = try? freeSpace(folder) else { return "cannot be looked at" }
        if free < UInt64(size) << 20 {
            return "\(ProgressText.megabytes(free)) MB free, \(size) MiB are needed"
        }
        do throws(Errno) {
            try mapExecutable(in: folder)
            return nil
        } catch .notPermitted {
            return "mounted noexec"
        } catch {
            return "\(error)"
        }
    }

    /// What User-mode Linux is going to do there.
    private static func mapExecutable(in folder: FilePath) throws(Errno) {
        let file = OwnedFD(
            try syscall {
                unsafe folder.withPlatformString {
                    unsafe clinux_open($0, O_TMPFILE | O_RDWR | O_CLOEXEC, 0o600)
                }
            }
        )
        let descriptor = file.rawValue
        try syscall { ftruncate(descriptor, 4096) }
        // SAFETY: a fresh mapping at an address of the kernel's choice, checked and given back.
        let address = unsafe mmap(nil, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, descriptor, 0)
        guard Int(bitPattern: address) != -1 else { throw Errno(rawValue: clinux_errno()) }
        _ = unsafe munmap(address, 4096)
    }
}
