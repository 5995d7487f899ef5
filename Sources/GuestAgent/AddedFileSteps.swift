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
        let parts = path.split(separator: "/").map(String.init)
        guard let name = parts.last, !parts.contains(".."), name != "." else {
            throw .invalidArgument
        }
        var folder = try OwnedFD.open(root, O_PATH | O_DIRECTORY)
        for (index, part) in parts.dropLast().enumerated() {
            folder = try Self.folder(part, in: folder.rawValue, label: label(index))
        }
        let parent = folder.rawValue
        let label = label(parts.count - 1)
        switch content {
        case .directory:
            let made = try Self.folder(name, in: parent, O_RDONLY, label: label)
            try setOwnerAndMode(made.rawValue)
        case .file(let bytes):
            try replacing(name, in: parent) { () throws(Errno) in
                let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
                let file = try Self.open(Self.temporaryName, in: parent, flags, 0o600)
                try writeAll(file.rawValue, bytes)
                try setOwnerAndMode(file.rawValue)
                try Self.setLabel(label, of: Self.temporaryName, in: parent)
            }
        case .symlink(let target):
            try replacing(name, in: parent) { () throws(Errno) in
                try syscall { unsafe symlinkat(target, parent, Self.temporaryName) }
                try syscall {
                    unsafe fchownat(parent, Self.temporaryName, uid, gid, AT_SYMLINK_NOFOLLOW)
                }
                try Self.setLabel(label, of: Self.temporaryName, in: parent)
            }
        case .append(let bytes):
            let flags = O_WRONLY | O_APPEND | O_NOFOLLOW
            let file = try Self.open(name, in: parent, flags)
            try writeAll(file.rawValue, bytes)
        }
    }

    /// Of the name at `index` in the path; nil for none.
    private func label(_ index: Int) -> String? {
        guard labels.indices.contains(index), !labels[index].isEmpty else { return nil }
        return labels[index]
    }

    /// As libselinux sets it, with a NUL. By the name in its folder, since neither a link nor a
    /// descriptor that only names a folder takes attributes.
    private static func setLabel(
        _ label: String?,
        of name: String,
        in parent: CInt
    ) throws(Errno) {
        guard let label else { return }
        try ExtendedAttributes.set(
            "security.selinux",
            to: Array(label.utf8) + [0],
            at: FilePath("/proc/self/fd/\(parent)").appending(name)
        )
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
        _ flags: CInt = O_PATH,
        label: String?
    ) throws(Errno) -> OwnedFD {
        do throws(Errno) {
            try syscall { unsafe mkdirat(parent, name, 0o755) }
            try setLabel(label, of: name, in: parent)
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
