import CLinux
import GuestProtocol
import SystemIO
import SystemPackage

/// What to do with one name at the top of the commit's tree.
enum RootEntry: Equatable {
    /// A link with the same target.
    case link(String)
    /// The tree's directory, read-only.
    case bind(from: String)
    /// A directory of the tmpfs, empty and writable.
    case empty(mode: UInt32)
    /// Moved over from the initramfs.
    case kernel
}

extension EnterRoot {
    private static let kernelDirectories = ["dev", "proc", "sys"]

    /// The new root's entries by name. Links to folders of an installed system (`tmp` to
    /// `sysroot/tmp`) are replaced where something writable is needed.
    func plan() throws(Errno) -> [(name: String, entry: RootEntry)] {
        let root = FilePath(view)
        var plan: [String: RootEntry] = [:]
        for name in try directoryNames(root) {
            let path = root.appending(name)
            switch try FileStatus(path, followingLinks: false).kind {
            case .symlink: plan[name] = .link(try symlinkTarget(path))
            case .directory: plan[name] = .bind(from: path.string)
            case .regular, .socket, .other: break
            }
        }
        let defaults = root.appending("usr/etc")
        let etc = (try? directoryNames(root.appending("etc"))) ?? []
        if etc.isEmpty && fileExists(defaults) { plan["etc"] = .bind(from: defaults.string) }
        for name in Self.kernelDirectories { plan[name] = .kernel }
        for name in ["run", "var", "mnt"] + writable { plan[name] = .empty(mode: 0o755) }
        plan["tmp"] = .empty(mode: 0o1777)
        return plan.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// - Parameter base: an empty directory that the new root is assembled on.
    func perform(base: FilePath) throws(Failure) {
        for name in writable where name.isEmpty || name.contains("/") || name.hasPrefix(".") {
            throw Failure(.invalidRequest, step: "enter root", subject: name)
        }
        let entries = try Failure.naming("read tree", view) { () throws(Errno) in try plan() }
        try Failure.naming("mount tmpfs", base.string) { () throws(Errno) in
            try makeDirectories(base)
            try mountFileSystem("tmpfs", base.string, type: "tmpfs", data: "mode=0755")
        }
        for (name, entry) in entries {
            let path = base.appending(name)
            try Failure.naming("assemble root", path.string) { () throws(Errno) in
                try make(entry, at: path, name: name)
            }
        }
        try Failure.naming("assemble root", "/var/tmp") { () throws(Errno) in
            try makeDirectory(base.appending("var/tmp"), mode: 0o1777)
        }
        try Failure.naming("enter root", base.string) { () throws(Errno) in
            try Self.enter(base)
        }
    }

    private func make(_ entry: RootEntry, at path: FilePath, name: String) throws(Errno) {
        switch entry {
        case .link(let target):
            try makeSymlink(path, to: target)
        case .bind(let source):
            try makeDirectory(path, mode: 0o755)
            try mountFileSystem(source, path.string, type: "", flags: UInt(MS_BIND))
        case .empty(let mode):
            try makeDirectory(path, mode: mode)
        case .kernel:
            try makeDirectory(path, mode: 0o755)
            try mountFileSystem("/" + name, path.string, type: "", flags: UInt(MS_MOVE))
        }
    }

    /// As switch_root(8): the initramfs stays below and cannot be reached any more, so what is big in
    /// it is given back first.
    private static func enter(_ base: FilePath) throws(Errno) {
        removeTree("/modules")
        try syscall { unsafe base.withPlatformString { unsafe chdir($0) } }
        try mountFileSystem(".", "/", type: "", flags: UInt(MS_MOVE))
        try syscall { unsafe chroot(".") }
        try syscall { unsafe chdir("/") }
    }
}

/// A directory with exactly this mode, whatever the umask is.
func makeDirectory(_ path: FilePath, mode: UInt32) throws(Errno) {
    do throws(Errno) {
        try syscall { unsafe path.withPlatformString { unsafe mkdir($0, 0o700) } }
    } catch .fileExists {
        guard try FileStatus(path, followingLinks: false).kind == .directory else {
            throw .notDirectory
        }
    }
    try syscall { unsafe path.withPlatformString { unsafe chmod($0, mode) } }
}
