import CLinux
import SystemIO
import SystemPackage

/// System calls below a directory descriptor; none of them takes a path of more than one component.
///
/// They take the shared object, not its number: the budget may reclaim it on another thread at any
/// time, and only a holder keeps the number from becoming another file's.
enum HostCalls {
    private static let stayInside =
        UInt64(RESOLVE_BENEATH) | UInt64(RESOLVE_NO_SYMLINKS) | UInt64(RESOLVE_NO_MAGICLINKS)

    /// Opens one name in a directory, never following a symbolic link. The system call is `openat2`.
    static func open(
        _ name: HostName,
        in directory: SharedFD,
        flags: CInt
    ) throws(Errno) -> OwnedFD {
        OwnedFD(
            try directory.withRawValue { (directory) throws(Errno) in
                try unsafe name.withPointer { (pointer) throws(Errno) in
                    try syscall {
                        unsafe clinux_openat2(
                            directory,
                            pointer,
                            UInt64(flags | O_NOFOLLOW | O_CLOEXEC),
                            0,
                            stayInside
                        )
                    }
                }
            }
        )
    }

    /// Opens the directory that a descriptor stands for, for reading.
    static func reopenDirectory(_ file: SharedFD) throws(Errno) -> OwnedFD {
        let itself: InlineArray<1, UInt8> = [UInt8(ascii: ".")]
        return try open(
            HostName(itself.span),
            in: file,
            flags: O_RDONLY | O_DIRECTORY
        )
    }

    /// The C function is `statx`.
    static func status(
        of name: HostName,
        in directory: SharedFD
    ) throws(Errno) -> CLinux.statx {
        var raw = CLinux.statx()
        try directory.withRawValue { (directory) throws(Errno) in
            _ = try unsafe name.withPointer { (pointer) throws(Errno) in
                try syscall { unsafe clinux_statx_at(directory, pointer, &raw) }
            }
        }
        return raw
    }

    /// Opens for reading what an O_PATH descriptor stands for; the caller knows its type.
    static func reopen(_ file: SharedFD) throws(Errno) -> OwnedFD {
        OwnedFD(
            try unsafe withProcPath(of: file) { (pointer) throws(Errno) in
                try syscall {
                    let flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
                    return unsafe clinux_open(pointer, flags, 0)
                }
            }
        )
    }

    /// "/proc/self/fd/N", the one way to what an O_PATH descriptor stands for.
    private static func withProcPath<Result>(
        of file: SharedFD,
        _ body: (UnsafePointer<CChar>) throws(Errno) -> Result
    ) throws(Errno) -> Result {
        try file.withRawValue { (descriptor) throws(Errno) in
            try unsafe HostName(procPathOf: descriptor).withPointer(body)
        }
    }

    /// The target of the symbolic link that an O_PATH descriptor stands for. `readlinkat`.
    static func symlinkTarget(_ file: SharedFD) throws(Errno) -> [UInt8] {
        try unsafe withBytes(capacity: Int(PATH_MAX)) { (buffer) throws(Errno) in
            guard let base = buffer.baseAddress else { throw .invalidArgument }
            let text = unsafe base.assumingMemoryBound(to: CChar.self)
            return try file.withRawValue { (descriptor) throws(Errno) in
                try syscall { unsafe readlinkat(descriptor, "", text, buffer.count) }
            }
        }
    }

    /// `getxattr`, through /proc, as O_PATH descriptors refuse `fgetxattr`.
    static func extendedAttribute(_ name: [UInt8], of file: SharedFD) throws(Errno) -> [UInt8] {
        let name = try HostName(name.span)
        return try unsafe name.withPointer { (name) throws(Errno) in
            try unsafe withProcPath(of: file) { (path) throws(Errno) in
                try unsafe withBytes(capacity: Int(XATTR_SIZE_MAX)) { (buffer) throws(Errno) in
                    try syscall {
                        unsafe getxattr(path, name, buffer.baseAddress, buffer.count)
                    }
                }
            }
        }
    }

    /// Names of the extended attributes, each ended by NUL. `listxattr`.
    static func extendedAttributeNames(of file: SharedFD) throws(Errno) -> [UInt8] {
        try unsafe withProcPath(of: file) { (path) throws(Errno) in
            try unsafe withBytes(capacity: 64 << 10) { (buffer) throws(Errno) in
                try syscall {
                    unsafe listxattr(
                        path,
                        buffer.baseAddress?.assumingMemoryBound(to: CChar.self),
                        buffer.count
                    )
                }
            }
        }
    }

    private static func withBytes(
        capacity: Int,
        _ body: (UnsafeMutableRawBufferPointer) throws(Errno) -> Int
    ) throws(Errno) -> [UInt8] {
        // SAFETY: the buffer is freed on every way out, after its bytes were copied.
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
        defer { unsafe buffer.deallocate() }
        let count = try unsafe body(buffer)
        return unsafe Array(buffer.prefix(count))
    }
}
