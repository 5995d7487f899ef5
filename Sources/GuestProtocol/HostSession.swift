/// The host's end of the conversation without its I/O: bytes from the guest go in, events come out;
/// requests go in, bytes for the guest come out.
package struct HostSession: Sendable {
    package enum Event: Equatable, Sendable {
        /// The handshake is done; `welcome` has to be sent before any request.
        case ready(Hello, welcome: [UInt8])
        case heartbeat(Heartbeat)
        case log(LogLine)
        case progress(RequestID, Progress)
        case output(RequestID, OutputStream, [UInt8])
        case entries(RequestID, [TreeEntry])
        case completed(RequestID, Completion, Figures)
        case failed(RequestID, Failure)
    }

    /// The guest broke the protocol, or speaks another version of it. The session is over.
    package enum SessionError: Error, Equatable, Sendable, CustomStringConvertible {
        case frame(FrameError)
        case message(WireError)
        case helloExpected
        case secondHello
        case noCommonVersion(oldest: UInt16, newest: UInt16)
        case unknownRequest(RequestID)
        case notReady

        package var description: String {
            switch self {
            case .frame(let error): "control channel: \(error)"
            case .message(let error): "control channel: \(error)"
            case .helloExpected: "control channel: the guest did not begin with hello"
            case .secondHello: "control channel: the agent started again"
            case .noCommonVersion(let oldest, let newest):
                "the agent speaks control protocol \(oldest) to \(newest), "
                    + "this program \(ControlProtocol.version)"
            case .unknownRequest(let id): "control channel: answer to unknown request \(id)"
            case .notReady: "control channel: no hello from the guest yet"
            }
        }
    }

    private var decoder = FrameDecoder()
    private var hello: Hello?
    private var lastID: UInt32 = 0
    private var open: Set<RequestID> = []

    package init() {}

    /// Requests without an answer yet.
    package var outstanding: Set<RequestID> { open }

    /// Numbers a request. `timeLimit` is in milliseconds, as in `HostMessage.request`.
    package mutating func request(
        _ request: Request,
        timeLimit: UInt32
    ) throws(SessionError) -> (id: RequestID, bytes: [UInt8]) {
        guard hello != nil else { throw .notReady }
        let id = RequestID(lastID &+ 1)
        let bytes = try frame(.request(id, timeLimit: timeLimit, request))
        lastID = id.rawValue
        open.insert(id)
        return (id, bytes)
    }

    package func cancel(_ id: RequestID) throws(SessionError) -> [UInt8] {
        try frame(.cancel(id))
    }

    /// Takes what was read from the channel.
    package mutating func receive(
        _ bytes: some Sequence<UInt8>
    ) throws(SessionError) -> [Event] {
        decoder.push(bytes)
        var events: [Event] = []
        while let payload = try nextPayload() { events.append(try event(payload)) }
        return events
    }

    private mutating func nextPayload() throws(SessionError) -> [UInt8]? {
        do { return try decoder.next() } catch { throw .frame(error) }
    }

    private mutating func event(_ payload: [UInt8]) throws(SessionError) -> Event {
        let message: GuestMessage
        do { message = try GuestMessage(payload: payload) } catch { throw .message(error) }
        if case .hello(let value) = message { return try greet(value) }
        guard hello != nil else { throw .helloExpected }
        switch message {
        case .hello: throw .secondHello
        case .heartbeat(let value): return .heartbeat(value)
        case .log(let line): return .log(line)
        case .progress(let id, let value): return .progress(try known(id), value)
        case .output(let id, let stream, let bytes): return .output(try known(id), stream, bytes)
        case .entries(let id, let entries): return .entries(try known(id), entries)
        case .completed(let id, let completion, let figures):
            return .completed(try finish(id), completion, figures)
        case .failed(let id, let failure): return .failed(try finish(id), failure)
        }
    }

    private mutating func greet(_ value: Hello) throws(SessionError) -> Event {
        guard hello == nil else { throw .secondHello }
        guard value.oldestVersion <= ControlProtocol.version,
            value.newestVersion >= ControlProtocol.version
        else { throw .noCommonVersion(oldest: value.oldestVersion, newest: value.newestVersion) }
        hello = value
        return .ready(value, welcome: try frame(.welcome(version: ControlProtocol.version)))
    }

    private func known(_ id: RequestID) throws(SessionError) -> RequestID {
        guard open.contains(id) else { throw .unknownRequest(id) }
        return id
    }

    private mutating func finish(_ id: RequestID) throws(SessionError) -> RequestID {
        guard open.remove(id) != nil else { throw .unknownRequest(id) }
        return id
    }

    private func frame(_ message: HostMessage) throws(SessionError) -> [UInt8] {
        do { return try message.frame() } catch { throw .frame(error) }
    }
}
