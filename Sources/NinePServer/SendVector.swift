import ByteStream
import CLinux
import SystemIO
import SystemPackage

/// Gathers replies for one `sendmsg`.
@safe struct SendVector {
    private static let capacity = 64
    private var vector = unsafe InlineArray<64, iovec>(repeating: iovec())
    private var count = 0
    private let pool: MessageBufferPool
    /// Where file data is copied to; taken when first needed.
    private var copies: MessageBuffer?
    /// More of the same message follows in another call.
    var isFollowed = false

    init(pool: MessageBufferPool) { self.pool = pool }

    /// For a header and data.
    var hasRoom: Bool { count + 2 <= Self.capacity }

    mutating func append(_ buffer: MessageBuffer, skipping skipped: Int) {
        guard skipped < buffer.count else { return }
        // SAFETY: the buffer stays with its message, and so alive and unchanged, until it was sent.
        unsafe append(UnsafeRawBufferPointer(rebasing: buffer.bytes[skipped...]))
    }

    /// Copies file data behind its header; false when there is no room for all of it.
    /// - Throws: what `pread` gives.
    mutating func append(_ file: FileSlice, skipping skipped: Int) throws(Errno) -> Bool {
        let copies = self.copies ?? pool.take()
        self.copies = copies
        let wanted = file.count - skipped
        guard copies.capacity - copies.count >= wanted else { return false }
        // SAFETY: the room was checked; what a file that has shrunk does not fill is zeroed.
        let room = unsafe UnsafeMutableRawBufferPointer(
            rebasing: copies.whole[copies.count..<copies.count + wanted]
        )
        var filled = 0
        while filled < wanted {
            let offset = off_t(file.offset) + off_t(skipped + filled)
            let count: Int
            do throws(Errno) {
                count = try syscall {
                    unsafe pread(
                        file.file.rawValue,
                        room.baseAddress.map { unsafe $0 + filled },
                        wanted - filled,
                        offset
                    )
                }
            } catch {
                // Not to be taken for the socket's.
                throw error == .resourceTemporarilyUnavailable ? .ioError : error
            }
            if count == 0 { break }
            filled += count
        }
        unsafe UnsafeMutableRawBufferPointer(rebasing: room[filled...])
            .initializeMemory(as: UInt8.self, repeating: 0)
        copies.count += wanted
        unsafe append(UnsafeRawBufferPointer(room))
        return true
    }

    private mutating func append(_ bytes: UnsafeRawBufferPointer) {
        unsafe vector[count] = iovec(
            iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress),
            iov_len: bytes.count
        )
        count += 1
    }

    /// - Returns: bytes sent.
    mutating func send(to socket: CInt) throws(Errno) -> Int {
        let flags = isFollowed ? CInt(MSG_MORE) : 0
        let span = unsafe vector.span
        return try unsafe span.withUnsafeBufferPointer { (buffer) throws(Errno) in
            try syscall { unsafe clinux_send_vector(socket, buffer.baseAddress, count, flags) }
        }
    }

    /// Gives the copies' memory back.
    mutating func finish() {
        copies?.recycle()
        copies = nil
    }
}
