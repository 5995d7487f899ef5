/// Names a request and everything the guest says about it. Never used twice in one session.
package struct RequestID: Hashable, Sendable, WireValue, CustomStringConvertible {
    package let rawValue: UInt32

    package init(_ rawValue: UInt32) { self.rawValue = rawValue }

    package init(from reader: inout WireReader) throws(WireError) {
        rawValue = try reader.integer()
    }

    package func encode(into writer: inout WireWriter) { writer.append(rawValue) }

    package var description: String { "#\(rawValue)" }
}

/// What the host says.
package enum HostMessage: WireValue {
    /// Answers the guest's hello: the version that both will speak.
    case welcome(version: UInt16)
    /// Asks for one step. Requests are carried out one after another, in order.
    /// `timeLimit` is in milliseconds, for the commands of this step; 0 means none in the guest.
    case request(RequestID, timeLimit: UInt32, Request)
    /// Ends a request early: its command is killed, and it fails with `.cancelled`.
    case cancel(RequestID)

    private enum Tag: UInt8, WireValue { case welcome = 1, request, cancel }

    package init(from reader: inout WireReader) throws(WireError) {
        self =
            switch try reader.value(Tag.self) {
            case .welcome: .welcome(version: try reader.integer())
            case .request:
                .request(
                    try reader.value(),
                    timeLimit: try reader.integer(),
                    try reader.value()
                )
            case .cancel: .cancel(try reader.value())
            }
    }

    package func encode(into writer: inout WireWriter) {
        switch self {
        case .welcome(let version):
            writer.append(Tag.welcome)
            writer.append(version)
        case .request(let id, let timeLimit, let request):
            writer.append(Tag.request)
            writer.append(id)
            writer.append(timeLimit)
            writer.append(request)
        case .cancel(let id):
            writer.append(Tag.cancel)
            writer.append(id)
        }
    }
}

/// Whole messages in frames.
extension WireValue {
    /// This message as one frame.
    package func frame() throws(FrameError) -> [UInt8] {
        var writer = WireWriter()
        encode(into: &writer)
        return try Frame.encode(writer.bytes)
    }

    /// The message that a frame's payload holds; nothing may follow it.
    package init(payload: [UInt8]) throws(WireError) {
        var reader = WireReader(payload)
        try self.init(from: &reader)
        try reader.finish()
    }
}
