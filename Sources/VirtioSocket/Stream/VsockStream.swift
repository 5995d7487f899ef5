import ByteStream

/// One connection as the device's thread keeps it.
final class VsockStream {
    let connection: VsockConnection
    private(set) var handler: (any StreamHandler)?
    var state: StreamState = .open(guestShut: [])
    var credit: StreamCredit
    var outgoing = OutgoingQueue()
    /// Bytes the handler had no room for.
    private var backlog: [UInt8] = []
    /// The stream waits in the device's list of those with something to send.
    var isReady = false
    /// When SHUTDOWN was sent, in nanoseconds of the monotonic clock.
    var shutdownTime: UInt64 = 0

    init(connection: VsockConnection, handler: any StreamHandler, credit: StreamCredit) {
        self.connection = connection
        self.handler = handler
        self.credit = credit
    }

    var key: StreamKey { connection.key }
    var hasBacklog: Bool { !backlog.isEmpty }

    /// Whether the device could put bytes into the guest's buffers now.
    var canSend: Bool { state.takesOutput && !outgoing.isEmpty && credit.sendable > 0 }

    /// Offers bytes to the handler, behind those it has not taken yet; the rest is kept.
    func offer(_ bytes: UnsafeRawBufferPointer) {
        guard let handler, unsafe !bytes.isEmpty else { return }
        if hasBacklog {
            unsafe backlog.append(contentsOf: bytes)
            return
        }
        let taken = unsafe max(0, min(handler.received(bytes), bytes.count))
        credit.consume(taken)
        if taken < bytes.count {
            unsafe backlog.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[taken...]))
        }
    }

    /// Offers the backlog again, after `resume()`.
    func offerBacklog() {
        guard let handler, hasBacklog else { return }
        // The handler may resume or send from inside, never offer: the array is ours meanwhile.
        let pending = backlog
        let taken = unsafe pending.withUnsafeBytes { bytes in
            unsafe max(0, min(handler.received(bytes), bytes.count))
        }
        backlog.removeSubrange(..<taken)
        credit.consume(taken)
    }

    /// Bytes from the guest that nobody will read.
    func discard(_ count: Int) { credit.consume(count) }

    /// Ends the handler's part: drops what is queued and tells it, once.
    func detachHandler() {
        let unsent = connection.shut()
        for message in unsent { message.buffer.recycle() }
        let count = outgoing.byteCount + unsent.reduce(0) { $0 + $1.byteCount }
        outgoing.removeAll()
        connection.delivered(count)
        backlog = []
        guard let handler else { return }
        self.handler = nil
        handler.closed()
    }
}
