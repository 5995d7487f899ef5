import CLinux
import GuestProtocol
import SystemIO
import SystemPackage

extension AddFiles {
    func perform() throws(Failure) {
        for file in files {
            try Failure.naming("add", "\(root)/\(file.path)") { () throws(Errno) in
                try file.add(to: FilePath(root))
            }
        }
    }
}

extension AddedFile {
    /// What a file is called until it is whole.
    private static let temporaryName = ".builddisks-new"

    fileprivate func add(to root: FilePath) throws(Errno) {
        var parts = path.split(separator: "/").map(String.init)
        guard let name = parts.popLast(), !parts.contains(".."), name != "..", name != "." else {
            throw .invalidArgument
        }
        var folder = try OwnedFD.open(root, O_PATH | O_DIRECTORY)
        for part in parts { folder = try Self.folder(part, in: folder.rawValue) }
        let parent = folder.rawValue
        switch content {
        case .directory:
            let made = try Self.folder(name, in: parent, O_RDONLY)
            try setOwnerAndMode(made.rawValue)
        case .file(let bytes):
            try replacing(name, in: parent) { () throws(Errno) in
                let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
                let file = try Self.open(Self.temporaryName, in: parent, flags, 0o600)
                try writeAll(file.rawValue, bytes)
                try setOwnerAndMode(file.rawValue)
            }
        case .symlink(let target):
            try replacing(name, in: parent) { () throws(Errno) in
                try syscall { unsafe symlinkat(target, parent, Self.temporaryName) }
                try syscall {
                    unsafe fchownat(parent, Self.temporaryName, uid, gid, AT_SYMLINK_NOFOLLOW)
                }
            }
        case .append(let bytes):
            let flags = O_WRONLY | O_APPEND | O_NOFOLLOW
            let file = try Self.open(name, in: parent, flags)
            try writeAll(file.rawValue, bytes)
        }
    }

    /// The owner goes first: a change of it clears setuid bits.
    private func setOwnerAndMode(_ descriptor: CInt) throws(Errno) {
        try syscall { fchown(descriptor, uid, gid) }
        try syscall { fchmod(descriptor, mode & 0o7777) }
    }

    /// Lets what `make` makes under the temporary name take the place of `name`. A file that is there
    /// may be a hard link to an object of the repository: it must never be written.
    private func replacing(
        _ name: String,
        in parent: CInt,
        _ make: () throws(Errno) -> Void
    ) throws(Errno) {
        _ = unsafe unlinkat(parent, Self.temporaryName, 0)
        do throws(Errno) {
            try make()
            try syscall { unsafe renameat(parent, Self.temporaryName, parent, name) }
        } catch {
            _ = unsafe unlinkat(parent, Self.temporaryName, 0)
            throw error
        }
    }

    /// A folder, made where it is missing; a symbolic link is refused.
    private static func folder(
        _ name: String,
        in parent: CInt,
        _ flags: CInt = O_PATH
    ) throws(Errno) -> OwnedFD {
        do throws(Errno) {
            try syscall { unsafe mkdirat(parent, name, 0o755) }
        } catch .fileExists {
            // Taken as it is.
        }
        return try open(name, in: parent, flags | O_DIRECTORY | O_NOFOLLOW)
    }

    private static func open(
        _ name: String,
        in parent: CInt,
        _ flags: CInt,
        _ mode: UInt32 = 0
    ) throws(Errno) -> OwnedFD {
        OwnedFD(
            try syscall { unsafe clinux_openat(parent, name, flags | O_CLOEXEC, mode) }
        )
    }
}
