import ByteStream
import SystemIO

/// The bytes of one connection on their way to the guest: messages, the first of them partly sent.
struct OutgoingQueue {
    private var messages: [OutgoingMessage] = []
    /// Index of the first message not fully sent, and how much of it is.
    private var first = 0
    private var sent = 0
    private(set) var byteCount = 0

    var isEmpty: Bool { byteCount == 0 }

    /// Appends messages; empty ones are done at once.
    mutating func append(_ new: [OutgoingMessage]) {
        for message in new {
            if message.byteCount == 0 {
                message.buffer.recycle()
            } else {
                byteCount += message.byteCount
                messages.append(message)
            }
        }
    }

    /// The next bytes, of one kind: nil when the queue is empty.
    @unsafe enum Piece {
        case bytes(UnsafeRawBufferPointer)
        case file(SharedFD, offset: Int64, count: Int)
    }

    /// At most `limit` bytes from the front. A piece of bytes is valid until `advance`.
    func piece(limit: Int) -> Piece? {
        guard first < messages.count, limit > 0 else { return nil }
        let message = messages[first]
        let head = message.buffer.count
        if sent < head {
            let count = min(limit, head - sent)
            return unsafe .bytes(
                UnsafeRawBufferPointer(rebasing: message.buffer.bytes[sent..<sent + count])
            )
        }
        guard let slice = message.file else { return nil }
        let done = sent - head
        return unsafe .file(
            slice.file,
            offset: slice.offset &+ Int64(done),
            count: min(limit, slice.count - done)
        )
    }

    /// Drops `count` bytes of the piece last looked at; a buffer whose message is done goes back.
    mutating func advance(_ count: Int) {
        sent += count
        byteCount -= count
        guard first < messages.count, sent >= messages[first].byteCount else { return }
        messages[first].buffer.recycle()
        first += 1
        sent = 0
        // Amortised: the array is shifted once for as many messages as it keeps.
        if first == messages.count {
            messages.removeAll(keepingCapacity: true)
            first = 0
        } else if first >= 64, first * 2 >= messages.count {
            messages.removeSubrange(..<first)
            first = 0
        }
    }

    /// Drops everything.
    mutating func removeAll() {
        for message in messages[first...] { message.buffer.recycle() }
        self = OutgoingQueue()
    }
}
