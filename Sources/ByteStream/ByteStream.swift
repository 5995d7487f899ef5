package import SystemIO

/// The contract between what carries bytes (a unix or TCP socket, the virtio socket) and what
/// serves them (9P, the control protocol). Carriers drive services; services never block a carrier.

/// Accepts the connections of one port or socket. Called on the carrier's threads.
package protocol StreamService: Sendable {
    /// A client has connected. Returns what receives its bytes, or nil to refuse (the carrier
    /// resets the connection).
    func accept(_ connection: any StreamConnection) -> (any StreamHandler)?
}

/// What a service does with one connection's bytes.
package protocol StreamHandler: AnyObject, Sendable {
    /// Bytes have arrived. The carrier calls this for one connection from one thread at a time, in
    /// order. The buffer is only valid during the call and may be **guest memory that changes while
    /// it is read**: copy first, then look.
    /// - Returns: how many bytes were taken. Fewer than offered means the handler is full: the
    ///   carrier keeps the rest, gives the peer no credit for them, and offers them again (with what
    ///   came since) after `StreamConnection.resume()`.
    func received(_ bytes: UnsafeRawBufferPointer) -> Int

    /// Whether something that the peer asked for is still being worked on, so that a peer which has
    /// closed its own direction is still owed a reply. Called on the carrier's threads.
    var isBusy: Bool { get }

    /// The connection is gone (peer closed, carrier stopped, or `close()` was called). Called once;
    /// nothing follows.
    func closed()
}

extension StreamHandler {
    package var isBusy: Bool { false }
}

/// The carrier's side of one connection. Safe from any thread.
package protocol StreamConnection: AnyObject, Sendable {
    /// Queues one whole message behind those queued before; returns at once. The carrier calls
    /// `message.buffer.recycle()` exactly once, when its bytes are sent or the connection is gone.
    /// Dropped silently after the connection has closed.
    func send(_ message: OutgoingMessage)

    /// Bytes queued by `send` and not yet handed to the peer: what a service bounds.
    var queuedByteCount: Int { get }

    /// The handler has room again after it took less than it was offered.
    func resume()

    /// Ends the connection: what is queued is still delivered where the carrier can, then it closes.
    func close()

    /// Ends the connection at once, whatever its peer does; what is queued may be lost.
    func abort()

    /// For logs: "unix:1234", "vsock:3:1025".
    var peerDescription: String { get }
}

extension StreamConnection {
    package func abort() { close() }
}

/// One message to a peer: bytes, then (optionally) a range of a file that the carrier copies from
/// the page cache straight to where it goes.
package struct OutgoingMessage: Sendable {
    package let buffer: MessageBuffer
    package let file: FileSlice?

    package init(_ buffer: MessageBuffer, file: FileSlice? = nil) {
        self.buffer = buffer
        self.file = file
    }

    /// Length on the wire, in bytes.
    package var byteCount: Int { buffer.count + (file?.count ?? 0) }
}

/// A range of an open file. The service has checked that the range lay inside the file; should the
/// file have shrunk since, the carrier sends zeros in place of what is missing, as the message's
/// length is already promised.
package struct FileSlice: Sendable {
    package let file: SharedFD
    package let offset: Int64
    package let count: Int

    package init(file: SharedFD, offset: Int64, count: Int) {
        self.file = file
        self.offset = offset
        self.count = count
    }
}
