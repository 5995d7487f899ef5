import ByteStream
import FuzzSupport
import NineP
import NinePServer

/// One connection: what the fuzzer sends on it, and what comes back.
final class FuzzClient {
    let carrier: FuzzCarrier
    var model: ClientModel
    private var handler: (any StreamHandler)?
    private weak var watched: AnyObject?
    /// Buffers of each capacity that were seen: they go with the session.
    private var buffers: [Int: WeakBuffer] = [:]
    private var outbox: [UInt8] = []
    /// A message has gone out whose length ends the connection.
    private(set) var isDoomed = false
    /// Replies stay with the carrier, as with a client that does not read.
    var isHolding = false

    private struct WeakBuffer {
        weak var buffer: MessageBuffer?
    }

    /// Nil when the service refuses.
    init?(_ service: NinePService, _ model: ClientModel, bell: Bell) {
        self.model = model
        carrier = FuzzCarrier(bell: bell)
        guard let handler = service.accept(carrier) else { return nil }
        self.handler = handler
        watched = handler
    }

    /// Adds a request to what goes out with the next `flush`.
    func queue(_ bytes: [UInt8]) {
        guard !isDoomed else { return }
        var bytes = bytes
        let limit = model.messageSize == 0 ? model.limits.messageSize : model.messageSize
        let size = bytes[0..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
        var isImpossible = size != bytes.count || size > Int(limit)
        if size == bytes.count, size > 4096, !model.pending.isEmpty {
            // A Tversion before it may make it too long, or not.
            bytes = [11, 0, 0, 0, MessageType.tstatfs.rawValue, bytes[5], bytes[6], 0, 0, 0, 0]
            isImpossible = false
        }
        isDoomed = isImpossible
        if !isImpossible { model.sent(bytes) }
        outbox += bytes
    }

    /// Gives the server what is queued, in pieces of at most `piece` bytes, and judges the replies.
    func flush(piece: Int, _ memory: FuzzMemory) throws(Violation) {
        var position = 0
        while position < outbox.count {
            let end = min(outbox.count, position + piece)
            let taken = outbox.withUnsafeBytes { bytes in
                handler?.received(UnsafeRawBufferPointer(rebasing: bytes[position..<end])) ?? 0
            }
            try require(taken <= end - position, "more taken than offered")
            position += taken
            if position == end { continue }
            // Full: the server says when there is room, which judging replies makes.
            if isHolding { break }
            try judgeReplies(memory)
            try require(carrier.takeResume(), "a full session that does not resume")
        }
        outbox.removeFirst(position)
        if !isHolding { try judgeReplies(memory) }
    }

    func judgeReplies(_ memory: FuzzMemory) throws(Violation) {
        while let message = carrier.next() {
            defer { message.buffer.recycle() }
            memory.tally.replies += 1
            let capacity = message.buffer.capacity
            if buffers[capacity] == nil { buffers[capacity] = WeakBuffer(buffer: message.buffer) }
            try model.judge(message, memory)
        }
    }

    /// Everything sent is served, but for what waits for the gate.
    func settle(_ memory: FuzzMemory) throws(Violation) {
        isHolding = false
        try flush(piece: .max / 2, memory)
        if carrier.isClosed {
            memory.tally.abandoned += model.pending.count
            model.pending = []
        }
        try model.beginAll()
    }

    /// Whether all that was under way has been answered.
    var isComplete: Bool { carrier.isClosed || carrier.waitingCount >= model.pending.count }

    func end(_ memory: FuzzMemory) {
        memory.tally.abandoned += model.pending.count
        model.pending = []
        handler?.closed()
        handler = nil
        carrier.close()
        while let message = carrier.next() { message.buffer.recycle() }
    }

    /// Nothing of the session is left.
    var isGone: Bool { watched == nil && buffers.values.allSatisfy { $0.buffer == nil } }
}
