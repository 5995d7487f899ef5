package import CLinux
package import SystemPackage

/// Reads of whole files and of parts of files, the same for owned and shared descriptors.
package protocol ReadableFile: ~Copyable {
    var rawValue: CInt { get }
}

extension OwnedFD: ReadableFile {}
extension SharedFD: ReadableFile {}

extension ReadableFile where Self: ~Copyable {
    /// Reads from `offset` on until `buffer` is full or the file ends. The C function is `pread`.
    /// - Returns: the number of bytes read.
    package func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int64
    ) throws(Errno) -> Int {
        try unsafe readFully(rawValue, into: buffer, at: offset)
    }

    /// At most `count` bytes from `offset` on; fewer only where the file ends.
    package func read(count: Int, at offset: Int64 = 0) throws(Errno) -> [UInt8] {
        let fd = rawValue
        var failure: Errno?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            // SAFETY: within the array's storage, of which what was read is declared initialised.
            let storage = unsafe UnsafeMutableRawBufferPointer(
                start: buffer.baseAddress,
                count: count
            )
            do throws(Errno) {
                initialized = try unsafe readFully(fd, into: storage, at: offset)
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Type, mode, owner and size. The C function is `fstat`.
    package func status() throws(Errno) -> stat {
        let fd = rawValue
        var status = stat()
        try syscall { unsafe fstat(fd, &status) }
        return status
    }

    /// The whole of a regular file, refusing one longer than `limit` bytes with EFBIG.
    package func contents(limit: Int) throws(Errno) -> [UInt8] {
        let size = try status().st_size
        guard size <= limit else { throw .fileTooLarge }
        return try read(count: size)
    }
}

private func readFully(
    _ fd: CInt,
    into buffer: UnsafeMutableRawBufferPointer,
    at offset: Int64
) throws(Errno) -> Int {
    var done = 0
    while done < buffer.count {
        // SAFETY: the rebased range lies inside `buffer`, which outlives the call.
        let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
        let count = try syscall {
            unsafe pread(fd, rest.baseAddress, rest.count, Int(offset) + done)
        }
        if count == 0 { break }
        done += count
    }
    return done
}
