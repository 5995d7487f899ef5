import CLinux
import GuestProtocol
import SystemIO
package import SystemPackage

/// Options of mount(8) as mount(2) wants them: some are flags, the rest is one string.
struct MountOptions: Equatable {
    var flags: UInt = 0
    var data: String = ""

    private static let names: [String: UInt] = [
        "ro": UInt(MS_RDONLY), "nosuid": UInt(MS_NOSUID), "nodev": UInt(MS_NODEV),
        "noexec": UInt(MS_NOEXEC), "noatime": UInt(MS_NOATIME), "relatime": UInt(MS_RELATIME),
        "nodiratime": UInt(MS_NODIRATIME), "sync": UInt(MS_SYNCHRONOUS),
        "lazytime": UInt(MS_LAZYTIME),
    ]

    init(_ options: [String]) {
        var rest: [String] = []
        for option in options.flatMap({ $0.split(separator: ",").map(String.init) }) {
            if let flag = Self.names[option] {
                flags |= flag
            } else if option != "rw" && option != "defaults" {
                rest.append(option)
            }
        }
        data = rest.joined(separator: ",")
    }
}

/// The C function is `mount`.
package func mountFileSystem(
    _ source: String,
    _ target: String,
    type: String,
    flags: UInt = 0,
    data: String = ""
) throws(Errno) {
    try syscall { unsafe mount(source, target, type, flags, data) }
}

/// Discards all free space of a mounted file system, in pieces of 64 KiB or more: what a qcow2 disk
/// can give back. What only the journal's next commit frees is free before. The ioctl is FITRIM.
func trimFileSystem(_ target: String) throws(Failure) {
    try Failure.naming("trim", target) { () throws(Errno) in
        let folder = try OwnedFD.open(FilePath(target), O_RDONLY | O_DIRECTORY)
        try syscall { syncfs(folder.rawValue) }
        var range = fstrim_range(start: 0, len: .max, minlen: 64 << 10)
        do throws(Errno) {
            try syscall { unsafe clinux_ioctl(folder.rawValue, CLINUX_FITRIM, &range) }
        } catch .notSupported {
            // A disk that takes no discards holds on to its blocks.
        }
    }
}

/// The disks' file systems that are mounted now, in the order of mounting.
struct MountTable {
    private var mounts: [MountedPartition] = []

    var targets: [String] { mounts.map(\.target) }

    mutating func add(_ partition: MountedPartition) { mounts.append(partition) }

    /// Leaves out what the root itself is made of: it is in use to the end, and out of reach.
    /// - Parameter view: at or below where it is mounted.
    mutating func keepForever(_ view: String) {
        mounts.removeAll { view == $0.target || view.hasPrefix($0.target + "/") }
    }

    /// Ends all writing to `wanted`, last mounted first, and forgets them: they stay mounted, read-only. To
    /// unmount them the kernel would drop all that it has of them in memory, for 800 MB half a second in an
    /// emulated guest. Where it will not, or keeps a mounted disk from being written to
    /// (CONFIG_BLK_DEV_WRITE_MOUNTED), they are unmounted.
    mutating func seal(_ wanted: [String]) throws(Failure) {
        for target in wanted where !targets.contains(target) {
            throw Failure(.invalidRequest, step: "seal", subject: "\(target) is not mounted")
        }
        for partition in mounts.reversed() where wanted.contains(partition.target) {
            do throws(Errno) {
                try mountFileSystem(
                    "",
                    partition.target,
                    type: "",
                    flags: UInt(MS_REMOUNT) | UInt(MS_RDONLY)
                )
                try partition.end()
            } catch {
                try Self.unmount(partition)
            }
            mounts.removeAll { $0.target == partition.target }
        }
    }

    /// Last mounted first.
    mutating func unmountAll() throws(Failure) {
        while let partition = mounts.last {
            try Self.unmount(partition)
            mounts.removeLast()
        }
    }

    /// A file system in use is tried again for five seconds: the kernel lets go of a killed process's files
    /// late.
    private static func unmount(_ partition: MountedPartition) throws(Failure) {
        try unmount(partition.target)
        try Failure.naming("flush the disk of", partition.target) { () throws(Errno) in
            try partition.end()
        }
    }

    private static func unmount(_ target: String) throws(Failure) {
        let deadline = monotonicSeconds() + 5
        while true {
            do throws(Errno) {
                try syscall { unsafe umount2(target, 0) }
                return
            } catch {
                guard error == .resourceBusy, monotonicSeconds() < deadline else {
                    throw Failure(
                        .systemCall,
                        step: "unmount",
                        subject: target,
                        errno: error.rawValue
                    )
                }
                usleep(50_000)
            }
        }
    }
}
