import CLinux
package import SystemPackage

/// Whether reading a file would wait for a disk.
package enum PageCache {
    package enum Presence: Equatable, Sendable {
        /// As far as the bytes tell that were looked at.
        case present
        case absent
        /// The file has nothing there.
        case end
    }

    /// Looks at the first byte of a range, and at the last of one that is longer than what the kernel
    /// reads ahead at least. A file system that cannot tell has them read, and
    /// so brought into memory. The system call is `preadv2`.
    package static func presence(
        of file: SharedFD,
        at offset: Int64,
        count: Int
    ) throws(Errno) -> Presence {
        try file.withRawValue { (descriptor) throws(Errno) in
            guard let first = try read(descriptor, at: offset) else { return .absent }
            if first == 0 { return .end }
            guard count > 64 << 10 else { return .present }
            return try read(descriptor, at: offset &+ Int64(count) &- 1) == nil ? .absent : .present
        }
    }

    /// - Returns: how many bytes there are, 0 or 1; nil where they would have to be waited for.
    private static func read(_ descriptor: CInt, at offset: Int64) throws(Errno) -> Int? {
        do throws(Errno) {
            return try syscall { clinux_read_cached_byte(descriptor, off_t(offset)) }
        } catch .resourceTemporarilyUnavailable {
            return nil
        } catch .notSupported {
            var byte: UInt8 = 0
            return try syscall { unsafe pread(descriptor, &byte, 1, off_t(offset)) }
        }
    }

    /// Waits until a range is in memory. The system call is `pread`.
    /// - Returns: how many bytes of it there are.
    /// - Throws: what reading the file gives.
    @discardableResult
    package static func load(
        _ file: SharedFD,
        at offset: Int64,
        count: Int
    ) throws(Errno) -> Int {
        let piece = 128 << 10
        // SAFETY: freed on every way out; nobody looks at what is read.
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: piece, alignment: 16)
        defer { unsafe buffer.deallocate() }
        var done = 0
        while done < count {
            let wanted = min(piece, count - done)
            let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
            let got = try unsafe file.read(into: part, at: offset &+ Int64(done))
            done += got
            if got < wanted { break }
        }
        return done
    }
}
