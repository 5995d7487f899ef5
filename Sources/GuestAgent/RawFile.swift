import CLinux
import Checksums
import GuestProtocol
import SystemIO
import SystemPackage

/// A file by a name of any bytes, never followed when it is a link.
struct RawFile {
    /// NUL-terminated.
    private let path: [CChar]

    init(_ bytes: [UInt8]) { path = bytes.map { CChar(bitPattern: $0) } + [0] }

    /// The C function is `lstat`.
    func status() throws(Errno) -> stat {
        var status = stat()
        try syscall { unsafe lstat(path, &status) }
        return status
    }

    /// The C function is `readlink`.
    func linkTarget() throws(Errno) -> [UInt8] {
        try unsafe filled { buffer, size in unsafe readlink(path, buffer, size) }
    }

    /// The C functions are `llistxattr` and `lgetxattr`; none on file systems without attributes.
    func attributes() throws(Errno) -> [TreeEntry.Attribute] {
        let names: [UInt8]
        do throws(Errno) {
            names = try unsafe filled { buffer, size in unsafe llistxattr(path, buffer, size) }
        } catch .notSupported {
            return []
        }
        var attributes: [TreeEntry.Attribute] = []
        for name in names.split(separator: 0).map(Array.init).sorted(by: isBefore) {
            let raw = name.map { CChar(bitPattern: $0) } + [0]
            let value = try unsafe filled { buffer, size in
                unsafe lgetxattr(path, raw, buffer, size)
            }
            attributes.append(TreeEntry.Attribute(name: name, value: value))
        }
        return attributes
    }

    /// SHA-256 of the content.
    func contentChecksum() throws(Errno) -> [UInt8] {
        let descriptor = try syscall {
            unsafe clinux_open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0)
        }
        let file = OwnedFD(descriptor)
        var digest = SHA256Digest()
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = try syscall {
                unsafe buffer.withUnsafeMutableBytes {
                    unsafe read(file.rawValue, $0.baseAddress, $0.count)
                }
            }
            if count == 0 { return digest.finish() }
            digest.update(buffer[..<count])
        }
    }

    /// The names in a directory, in byte order. The C functions are `opendir` and `readdir`.
    func names() throws(Errno) -> [[UInt8]] {
        guard let directory = unsafe opendir(path) else {
            throw Errno(rawValue: clinux_errno())
        }
        defer { unsafe closedir(directory) }
        var names: [[UInt8]] = []
        while let entry = unsafe readdir(directory) {
            // SAFETY: d_name is NUL-terminated within the record.
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) {
                unsafe Array($0.prefix { $0 != 0 })
            }
            if name != [UInt8(ascii: ".")] && name != Array("..".utf8) { names.append(name) }
        }
        return names.sorted(by: isBefore)
    }

    /// What a call writes into a buffer of 64 KiB, the longest attribute (XATTR_SIZE_MAX).
    private func filled(
        _ body: (UnsafeMutablePointer<CChar>, Int) -> Int
    ) throws(Errno) -> [UInt8] {
        var buffer = [CChar](repeating: 0, count: 1 << 16)
        let count = try syscall {
            unsafe buffer.withUnsafeMutableBufferPointer {
                unsafe body($0.baseAddress!, $0.count)
            }
        }
        return buffer[..<count].map { UInt8(bitPattern: $0) }
    }
}

private func isBefore(_ first: [UInt8], _ second: [UInt8]) -> Bool {
    first.lexicographicallyPrecedes(second)
}
