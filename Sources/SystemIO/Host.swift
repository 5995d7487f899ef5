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
