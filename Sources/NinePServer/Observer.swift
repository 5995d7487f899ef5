package import NineP

/// Hears of every reply: for progress, statistics and traces. Called on the thread that served the
/// request, after the reply was handed to the carrier; it must return at once. Without an observer
/// the server does not even read the clock.
package protocol NinePObserver: Sendable {
    func replied(_ event: ReplyEvent)

    /// Whether `message` wants to be called; asked once a connection.
    var wantsMessages: Bool { get }

    /// A whole message, as received or sent (of an Rread's file data only the beginning). Valid only
    /// during the call.
    func message(_ bytes: UnsafeRawBufferPointer, fromClient: Bool, peer: String)
}

extension NinePObserver {
    package var wantsMessages: Bool { false }
    package func message(_ bytes: UnsafeRawBufferPointer, fromClient: Bool, peer: String) {}
}

/// One reply. Names no path.
package struct ReplyEvent: Sendable {
    /// The request's type; nil when it was unknown.
    package let request: MessageType?
    /// Which export of the table the request's fid belongs to; nil when it has none.
    package let export: Int?
    /// Linux errno; nil for success.
    package let errno: Int32?
    /// A regular file was opened.
    package let openedFile: Bool
    /// Data of an Rread, in bytes.
    package let dataByteCount: Int
    /// The whole reply, in bytes.
    package let byteCount: Int
    /// From the request's last byte to the reply's hand-over, in nanoseconds.
    package let nanoseconds: UInt64
}
