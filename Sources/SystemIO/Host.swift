import CLinux
package import SystemPackage

/// The running kernel's release. The C function is `uname`.
package func kernelRelease() -> String {
    var name = utsname()
    guard unsafe uname(&name) == 0 else { return "" }
    return unsafe withUnsafeBytes(of: &name.release) {
        unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
}

/// Bytes that an ordinary user may still write on the file system of `path`. The C function is
/// `statvfs`.
package func freeSpace(_ path: FilePath) throws(Errno) -> UInt64 {
    var figures = statvfs()
    try syscall { unsafe path.withPlatformString { unsafe statvfs($0, &figures) } }
    return UInt64(figures.f_bavail) &* UInt64(figures.f_frsize)
}

/// Why a file cannot have `size` bytes, if so: ENOSPC, or EDQUOT, of which `freeSpace` knows nothing. The
/// file is made and removed. The C function is `posix_fallocate`.
package func obstacle(toAllocating size: UInt64, at path: FilePath) -> Errno? {
    defer { try? removeFile(path) }
    do throws(Errno) {
        let file = try OwnedFD.open(path, O_WRONLY | O_CREAT | O_TRUNC)
        let code = posix_fallocate(file.rawValue, 0, off_t(clamping: size))
        return code == 0 ? nil : Errno(rawValue: code)
    } catch {
        return error
    }
}
