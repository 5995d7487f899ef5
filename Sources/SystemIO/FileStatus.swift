import CLinux
package import SystemPackage

/// What `lstat(2)`/`stat(2)`/`fstat(2)` tell of a file.
package struct FileStatus: Sendable, Equatable {
    package enum Kind: Sendable, Equatable { case regular, directory, symlink, socket, other }

    package var kind: Kind
    /// Permission bits, without the type.
    package var permissions: UInt32
    package var owner: UInt32
    /// In bytes.
    package var size: UInt64
    /// Bytes that the host has allocated for it.
    package var allocated: UInt64
    package var device: UInt64
    package var inode: UInt64
    /// Modification time, seconds since 1970.
    package var modified: Int
    package var modifiedNanoseconds: Int

    /// - Parameter followingLinks: `stat` when true, `lstat` when false.
    package init(_ path: FilePath, followingLinks: Bool = true) throws(Errno) {
        var status = stat()
        try syscall {
            unsafe path.withPlatformString {
                followingLinks ? unsafe stat($0, &status) : unsafe lstat($0, &status)
            }
        }
        self.init(status)
    }

    /// The C function is `fstat`.
    package init(descriptor: CInt) throws(Errno) {
        var status = stat()
        try syscall { unsafe fstat(descriptor, &status) }
        self.init(status)
    }

    private init(_ status: stat) {
        kind =
            switch CInt(bitPattern: status.st_mode) & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFLNK: .symlink
            case S_IFSOCK: .socket
            default: .other
            }
        permissions = status.st_mode & 0o7777
        owner = status.st_uid
        size = UInt64(clamping: status.st_size)
        allocated = UInt64(clamping: status.st_blocks) &* 512
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        modified = status.st_mtim.tv_sec
        modifiedNanoseconds = status.st_mtim.tv_nsec
    }

    /// Whether this is the same file and nothing was written to it since.
    package func hasContent(of earlier: FileStatus) -> Bool {
        device == earlier.device && inode == earlier.inode && size == earlier.size
            && modified == earlier.modified && modifiedNanoseconds == earlier.modifiedNanoseconds
    }
}

/// Whether something has that name (a dangling link counts).
package func fileExists(_ path: FilePath) -> Bool {
    (try? FileStatus(path, followingLinks: false)) != nil
}

/// Whether this process may use `path` so. The C function is `access`.
/// - Parameter mode: R_OK, W_OK, X_OK.
package func mayAccess(_ path: FilePath, _ mode: CInt) -> Bool {
    unsafe path.withPlatformString { unsafe access($0, mode) } == 0
}

/// The C function is `unlink`.
package func removeFile(_ path: FilePath) throws(Errno) {
    try syscall { unsafe path.withPlatformString { unsafe unlink($0) } }
}

/// The C function is `symlink`.
package func makeSymlink(_ path: FilePath, to target: String) throws(Errno) {
    try syscall { unsafe path.withPlatformString { unsafe symlink(target, $0) } }
}

/// A second name for a file, on the same file system. The C function is `link`.
package func linkFile(_ path: FilePath, as name: FilePath) throws(Errno) {
    try syscall {
        unsafe path.withPlatformString { old in
            unsafe name.withPlatformString { unsafe link(old, $0) }
        }
    }
}

/// The C function is `readlink`.
package func symlinkTarget(_ path: FilePath) throws(Errno) -> String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let length = try syscall {
        unsafe path.withPlatformString { raw in
            unsafe buffer.withUnsafeMutableBytes {
                unsafe readlink(raw, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
            }
        }
    }
    return String(decoding: buffer[..<length], as: UTF8.self)
}

/// The path without symbolic links; itself where it cannot be resolved. The C function is `realpath`.
package func resolvedPath(_ path: FilePath) -> FilePath {
    guard let resolved = unsafe path.withPlatformString({ unsafe realpath($0, nil) }) else {
        return path
    }
    defer { unsafe free(resolved) }
    return FilePath(unsafe String(cString: resolved))
}

/// Makes what has been written to a file, or a folder's entries, durable. The C function is `fsync`.
package func flushFile(_ path: FilePath) throws(Errno) {
    let file = try OwnedFD.open(path, O_RDONLY)
    try syscall { fsync(file.rawValue) }
}

/// A new folder with mode 0700. The C function is `mkdtemp`.
/// - Parameter prefix: its path, but for six characters that make it new.
package func makeTemporaryFolder(_ prefix: FilePath) throws(Errno) -> FilePath {
    // What mkdtemp replaces.
    let placeholder = repeatElement(UInt8(ascii: "X"), count: 6)
    var bytes = Array(prefix.string.utf8) + placeholder + [0]
    let made = unsafe bytes.withUnsafeMutableBytes {
        unsafe mkdtemp($0.baseAddress!.assumingMemoryBound(to: CChar.self)) != nil
    }
    guard made else { throw Errno(rawValue: clinux_errno()) }
    return FilePath(String(decoding: bytes.dropLast(), as: UTF8.self))
}

/// An exclusive lock on a file, made if it is missing; the kernel drops it with the process.
/// The C function is `flock`.
package struct FileLock: ~Copyable, Sendable {
    private let file: OwnedFD

    /// - Throws: EWOULDBLOCK when another process holds it.
    package init(_ path: FilePath, creating: Bool = true, mode: UInt32 = 0o644) throws(Errno) {
        let flags = O_RDWR | (creating ? O_CREAT : 0)
        let opened = try OwnedFD.open(path, flags, mode: mode)
        try syscall { flock(opened.rawValue, LOCK_EX | LOCK_NB) }
        file = opened
    }
}
