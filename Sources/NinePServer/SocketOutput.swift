import ByteStream
import CLinux
import SystemIO
import SystemPackage

/// The messages of one connection that its socket has not taken yet.
struct SocketOutput: Sendable {
    private let socket: SharedFD
    private let turn: Int
    /// Messages from `first` on wait; those before have been sent.
    private var messages: [OutgoingMessage] = []
    private var first = 0
    /// Bytes of the first waiting message that have been sent.
    private var sent = 0
    private(set) var byteCount = 0
    /// The socket takes no more for now.
    private(set) var isBlocked = false
    /// There is more, and the socket may take it: somebody else's turn first.
    var isUnfinished: Bool { byteCount > 0 && !isBlocked && !isBroken }
    /// The peer is gone.
    private(set) var isBroken = false
    var isCorked = false
    var isClosing = false

    /// File data up to this size is copied behind its header, so that many replies leave in one
    /// system call; longer data goes from the page cache to the socket.
    private static let copyLimit = 32 << 10
    private static let copyPool = MessageBufferPool(capacity: 128 << 10, limit: 8)

    /// - Parameter turn: bytes that are sent before others on the same loop have their turn.
    init(socket: SharedFD, turn: Int = 1 << 20) {
        self.socket = socket
        self.turn = turn
    }

    mutating func append(_ message: OutgoingMessage) {
        if isBroken {
            message.buffer.recycle()
            return
        }
        messages.append(message)
        byteCount += message.byteCount
    }

    /// Drops everything; nothing is sent any more.
    mutating func abandon() {
        isBroken = true
        isBlocked = false
        for message in messages[first...] { message.buffer.recycle() }
        messages = []
        first = 0
        byteCount = 0
    }

    /// Sends as much as the socket takes, but not so much at a time that others wait for long.
    ///
    /// A file that cannot be read ends the connection: its message's length is promised, and zeros in
    /// place of the data would be believed.
    mutating func flush() {
        guard !isBroken else { return }
        isBlocked = false
        let end = byteCount - turn
        do throws(Errno) {
            while first < messages.count, byteCount > end {
                let message = messages[first]
                let count =
                    if let file = message.file, sent >= message.buffer.count,
                        file.count > Self.copyLimit
                    {
                        try sendFile(file, skipping: sent - message.buffer.count)
                    } else {
                        try sendBatch()
                    }
                advance(count)
            }
        } catch .resourceTemporarilyUnavailable {
            isBlocked = true
        } catch {
            abandon()
        }
    }

    private mutating func advance(_ count: Int) {
        byteCount -= count
        sent += count
        while first < messages.count, sent >= messages[first].byteCount {
            sent -= messages[first].byteCount
            messages[first].buffer.recycle()
            first += 1
        }
        if first == messages.count {
            messages.removeAll(keepingCapacity: true)
            first = 0
        } else if first >= 256 {
            messages.removeFirst(first)
            first = 0
        }
    }

    /// Headers and short data of as many messages as one call takes.
    private func sendBatch() throws(Errno) -> Int {
        var vector = SendVector(pool: Self.copyPool)
        defer { vector.finish() }
        var skip = sent
        for message in messages[first...] {
            guard vector.hasRoom else { break }
            vector.append(message.buffer, skipping: skip)
            let skipInFile = max(0, skip - message.buffer.count)
            skip = 0
            guard let file = message.file else { continue }
            if file.count > Self.copyLimit {
                vector.isFollowed = true
                break
            }
            guard try vector.append(file, skipping: skipInFile) else { break }
        }
        return try vector.send(to: socket.rawValue)
    }

    private func isWritable() -> Bool {
        var entry = pollfd(fd: socket.rawValue, events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&entry, 1, 0) == 1 && entry.revents & Int16(POLLOUT) != 0
    }

    private func sendFile(_ file: FileSlice, skipping skipped: Int) throws(Errno) -> Int {
        var offset = off_t(file.offset) + off_t(skipped)
        let wanted = file.count - skipped
        let count: Int
        do throws(Errno) {
            count = try syscall {
                unsafe sendfile(socket.rawValue, file.file.rawValue, &offset, wanted)
            }
        } catch .resourceTemporarilyUnavailable {
            // The socket's as a rule; of a file's no event would tell the end.
            throw isWritable() ? .ioError : .resourceTemporarilyUnavailable
        }
        if count > 0 { return count }
        // The file has shrunk; the length was promised.
        let zeros = Self.copyPool.take()
        defer { zeros.recycle() }
        // SAFETY: the buffer is ours until it is recycled.
        unsafe zeros.whole.initializeMemory(as: UInt8.self, repeating: 0)
        return try syscall {
            unsafe send(
                socket.rawValue,
                zeros.whole.baseAddress,
                min(wanted, zeros.capacity),
                CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL)
            )
        }
    }
}
