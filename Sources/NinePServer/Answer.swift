import ByteStream
import NineP

/// A reply under construction. Starts in a small buffer; replies with data ask for a larger one.
struct Answer {
    let tag: UInt16
    private let buffers: ReplyBuffers
    /// The agreed message size; 0 before there is one.
    private let limit: UInt32
    private(set) var buffer: MessageBuffer
    var writer: WireWriter
    var file: FileSlice?
    /// For the observer.
    var export: Int?
    var openedFile = false
    var dataByteCount = 0
    /// The reply comes later, from elsewhere.
    var isDeferred = false

    init(tag: UInt16, buffers: ReplyBuffers, limit: UInt32) {
        self.tag = tag
        self.limit = limit
        self.buffers = buffers
        buffer = buffers.take(atLeast: 0)
        writer = unsafe WireWriter(buffer.whole)
    }

    /// Makes room for a message of `size` bytes; what was written is lost.
    mutating func makeRoom(for size: Int) {
        guard size > buffer.capacity else { return }
        buffer.recycle()
        buffer = buffers.take(atLeast: size)
        writer = unsafe WireWriter(buffer.whole)
    }

    /// Gives up the reply; only before anything was sent.
    mutating func discard() {
        isDeferred = true
        buffer.recycle()
    }

    mutating func done(_ type: MessageType) { writer.begin(type, tag: tag) }

    /// The finished message; nil should it exceed its memory or the agreed message size.
    mutating func message() -> OutgoingMessage? {
        let trailing = file?.count ?? 0
        guard let count = writer.finish(trailing: trailing) else { return nil }
        guard limit == 0 || count + trailing <= Int(limit) else { return nil }
        buffer.count = count
        return OutgoingMessage(buffer, file: file)
    }
}
