import CLinux
package import SystemPackage

/// The value of an environment variable, nil when unset or empty. The C function is `getenv`.
package func environmentValue(_ name: String) -> String? {
    guard let raw = unsafe getenv(name) else { return nil }
    let value = unsafe String(cString: raw)
    return value.isEmpty ? nil : value
}

/// Names in a directory, without "." and "..", sorted. Names that are not UTF-8 are repaired.
package func directoryNames(_ path: FilePath) throws(Errno) -> [String] {
    guard let directory = unsafe path.withPlatformString({ unsafe opendir($0) }) else {
        throw Errno(rawValue: clinux_errno())
    }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
            unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) {
                unsafe String(cString: $0)
            }
        }
        if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
}

/// Removes a file, or a folder with all that is in it; never follows a symbolic link. What cannot be
/// removed stays: this is for clean-ups, where nothing better can be done.
package func removeTree(_ path: FilePath) {
    if unsafe path.withPlatformString({ unsafe unlink($0) }) == 0 { return }
    for name in (try? directoryNames(path)) ?? [] { removeTree(path.appending(name)) }
    unsafe path.withPlatformString { _ = unsafe rmdir($0) }
}

/// The C function is `rmdir`.
package func removeEmptyFolder(_ path: FilePath) throws(Errno) {
    try syscall { unsafe path.withPlatformString { unsafe rmdir($0) } }
}

/// Makes a folder and those above it that are missing. The C function is `mkdir`.
package func makeDirectories(_ path: FilePath, mode: UInt32 = 0o755) throws(Errno) {
    if unsafe path.withPlatformString({ unsafe mkdir($0, mode) }) == 0 { return }
    switch Errno(rawValue: clinux_errno()) {
    case .fileExists:
        guard try FileStatus(path).kind == .directory else { throw .notDirectory }
    case .noSuchFileOrDirectory where !path.removingLastComponent().isEmpty:
        try makeDirectories(path.removingLastComponent(), mode: mode)
        try syscall { unsafe path.withPlatformString { unsafe mkdir($0, mode) } }
    case let other:
        throw other
    }
}

/// A whole file as bytes.
/// - Parameter limit: EFBIG for anything longer.
package func readFile(_ path: FilePath, limit: Int = 1 << 26) throws(Errno) -> [UInt8] {
    let file = try OwnedFD.open(path, O_RDONLY)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = try syscall {
            unsafe chunk.withUnsafeMutableBytes {
                unsafe read(file.rawValue, $0.baseAddress, $0.count)
            }
        }
        if count == 0 { return bytes }
        bytes += chunk[..<count]
        if bytes.count > limit { throw .fileTooLarge }
    }
}

/// Writes all of `bytes` to a descriptor.
package func writeAll(_ descriptor: CInt, _ bytes: some Collection<UInt8>) throws(Errno) {
    let bytes = ContiguousArray(bytes)
    var done = 0
    while done < bytes.count {
        done += try syscall {
            unsafe bytes.withUnsafeBytes {
                unsafe write(descriptor, $0.baseAddress! + done, $0.count - done)
            }
        }
    }
}

/// Writes all of `bytes` at an offset. The C function is `pwrite`.
package func writeAll(_ descriptor: CInt, _ bytes: [UInt8], at offset: Int64) throws(Errno) {
    var done = 0
    while done < bytes.count {
        let written = try syscall {
            unsafe bytes.withUnsafeBytes {
                unsafe pwrite(
                    descriptor,
                    $0.baseAddress! + done,
                    $0.count - done,
                    Int(offset) &+ done
                )
            }
        }
        guard written > 0 else { throw .noSpace }
        done += written
    }
}

/// Has the kernel copy bytes from file to file, where it can by sharing blocks. The C function is
/// `copy_file_range`.
/// - Returns: how many it has copied; 0 at the end of `source`.
package func copySome(
    _ source: CInt,
    from offset: UInt64,
    to target: CInt,
    at targetOffset: UInt64,
    count: UInt64
) throws(Errno) -> UInt64 {
    var input = off_t(clamping: offset)
    var output = off_t(clamping: targetOffset)
    // SAFETY: both offsets are read and written during the call.
    return UInt64(
        try syscall {
            unsafe copy_file_range(source, &input, target, &output, Int(clamping: count), 0)
        }
    )
}

/// Copies bytes from file to file; what is behind the end of `source` is left as it is.
package func copyAll(
    _ source: borrowing some ReadableFile & ~Copyable,
    from offset: UInt64,
    to target: CInt,
    at targetOffset: UInt64,
    count: UInt64
) throws(Errno) {
    var done: UInt64 = 0
    while done < count {
        let copied: UInt64
        do throws(Errno) {
            copied = try copySome(
                source.rawValue,
                from: offset + done,
                to: target,
                at: targetOffset + done,
                count: count - done
            )
        } catch .noSpace {
            throw .noSpace
        } catch {
            // The kernel cannot, between these two: by way of this process.
            let length = Int(min(count - done, 1 << 20))
            let bytes = try source.read(count: length, at: Int64(clamping: offset + done))
            try writeAll(target, bytes, at: Int64(clamping: targetOffset + done))
            copied = UInt64(bytes.count)
        }
        if copied == 0 { return }
        done += copied
    }
}

/// Writes a file so that it is whole or absent: a temporary name beside it, fsync, rename.
package func writeFileAtomically(
    _ path: FilePath,
    _ bytes: some Collection<UInt8>,
    mode: UInt32 = 0o644
) throws(Errno) {
    var temporary = path
    let name = path.lastComponent?.string ?? ""
    temporary.removeLastComponent()
    temporary.append(".\(name).\(getpid()).tmp")
    do throws(Errno) {
        let file = try OwnedFD.open(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
        try writeAll(file.rawValue, bytes)
        try syscall { fsync(file.rawValue) }
        try renameFile(temporary, path)
    } catch {
        unsafe temporary.withPlatformString { _ = unsafe unlink($0) }
        throw error
    }
}

/// The C function is `rename`.
package func renameFile(_ from: FilePath, _ to: FilePath) throws(Errno) {
    try syscall {
        unsafe from.withPlatformString { source in
            unsafe to.withPlatformString { unsafe rename(source, $0) }
        }
    }
}

/// What one read gives: at most `limit` bytes, none at the end. The C function is `read`.
package func readSome(_ descriptor: CInt, limit: Int) throws(Errno) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: limit)
    let count = try syscall {
        unsafe bytes.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
    }
    bytes.removeLast(limit - count)
    return bytes
}

/// How many bytes one write took. The C function is `write`.
package func writeSome(_ descriptor: CInt, _ bytes: ArraySlice<UInt8>) throws(Errno) -> Int {
    try syscall {
        unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
    }
}

/// The C function is `getcwd`; "/" where the folder is gone.
package func currentFolder() -> FilePath {
    var buffer = [CChar](repeating: 0, count: 4096)
    guard let raw = unsafe getcwd(&buffer, buffer.count) else { return "/" }
    return FilePath(unsafe String(cString: raw))
}

/// Lets the kernel begin to send a part of a file to the disk, so that less is left for the final flush,
/// which is the one that counts: a failure here is none. The C function is `sync_file_range`.
package func startFlushing(_ descriptor: CInt, _ range: Range<UInt64>) {
    let start = Int(clamping: range.lowerBound)
    _ = sync_file_range(descriptor, start, range.count, CUnsignedInt(SYNC_FILE_RANGE_WRITE))
}
