import CLinux
import SystemIO
import SystemPackage

/// Reads file ranges straight into guest buffers, adjoining ranges with one `preadv`.
///
/// SAFETY: the targets are pieces of guest memory from a descriptor chain, used before the memory
/// table can change. The kernel answers EFAULT, not a signal, where a page cannot be written.
@safe struct GuestFileReader {
    private var file: SharedFD?
    private var offset: Int64 = 0
    private var byteCount = 0
    private var targets: [iovec] = unsafe []
    private var failure: Errno?

    /// IOV_MAX of Linux.
    private static let maximumTargets = 1024

    /// Plans to fill `target` from `offset` of `file`.
    mutating func add(_ file: SharedFD, offset: Int64, target: UnsafeMutableRawBufferPointer) {
        let adjoins = self.file === file && self.offset &+ Int64(byteCount) == offset
        if unsafe !adjoins || targets.count == Self.maximumTargets { readTargets() }
        if unsafe targets.isEmpty {
            self.file = file
            self.offset = offset
        }
        unsafe targets.append(iovec(iov_base: target.baseAddress, iov_len: target.count))
        byteCount += target.count
    }

    /// Carries out what is planned. Bytes that the file does not have (any more) become zeros: the
    /// message's length is promised already.
    /// - Returns: why a file could not be read since the last call; nil if all could. What is in the
    ///   targets then must not reach the guest.
    mutating func finish() -> Errno? {
        readTargets()
        defer { failure = nil }
        return failure
    }

    private mutating func readTargets() {
        guard let file, unsafe !targets.isEmpty else { return }
        var done = 0
        while done < byteCount, failure == nil {
            do throws(Errno) {
                let count = try unsafe targets.withUnsafeBufferPointer { (vectors) throws(Errno) in
                    try syscall {
                        unsafe preadv(
                            file.rawValue,
                            vectors.baseAddress,
                            CInt(vectors.count),
                            off_t(offset &+ Int64(done))
                        )
                    }
                }
                if count == 0 { break }
                done += count
                if done < byteCount { drop(count) }
            } catch {
                failure = error
            }
        }
        if done < byteCount, failure == nil { zeroTargets() }
        unsafe targets.removeAll(keepingCapacity: true)
        byteCount = 0
        self.file = nil
    }

    /// Shortens the targets by `count` bytes that are filled.
    private mutating func drop(_ count: Int) {
        var remaining = count
        for index in unsafe targets.indices {
            let part = unsafe min(remaining, targets[index].iov_len)
            unsafe targets[index].iov_base += part
            unsafe targets[index].iov_len -= part
            remaining -= part
            if remaining == 0 { return }
        }
    }

    private func zeroTargets() {
        for index in unsafe targets.indices {
            let target = unsafe targets[index]
            unsafe memset(target.iov_base, 0, target.iov_len)
        }
    }
}
