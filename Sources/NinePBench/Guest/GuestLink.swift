import ByteStream
import NinePGuest
import SystemIO
import SystemPackage

/// The host's end of the conversation with `ninep-bench-guest`: a service of the virtio socket.
final class GuestLink: StreamService {
    private enum Phase {
        case waiting
        case connected(any StreamConnection)
        case ended(String)
    }

    private struct State: Sendable {
        var phase = Phase.waiting
        var input: [UInt8] = []
    }

    private let state = Monitor(State())
    private let timeLimit: Int
    private let console: FilePath

    /// - Parameters:
    ///   - timeLimit: seconds that the guest may take to connect, and for one task.
    ///   - console: what the guest writes there last goes into failures.
    init(timeLimit: Int, console: FilePath) {
        self.timeLimit = timeLimit
        self.console = console
    }

    func accept(_ connection: any StreamConnection) -> (any StreamHandler)? {
        state.update { state in
            guard case .waiting = state.phase else { return nil }
            state.phase = .connected(connection)
            return Handler(link: self)
        }
    }

    /// Nothing more is to come.
    func end(_ reason: String) {
        state.update { state in
            if case .connected(let connection) = state.phase { connection.close() }
            state.phase = .ended(reason)
        }
    }

    /// Waits for the guest's connection, then for its answer to a task.
    func perform(_ task: GuestTask) throws -> GuestFigures {
        let connection = try waited("connect") { state -> (any StreamConnection)? in
            if case .connected(let connection) = state.phase { connection } else { nil }
        }
        let bytes = Array((task.line + "\n").utf8)
        let message = MessageBuffer(capacity: bytes.count)
        unsafe message.whole.copyBytes(from: bytes)
        message.count = bytes.count
        connection.send(OutgoingMessage(message))
        let line = try waited("answer \(task.line)") { state -> String? in
            guard let end = state.input.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
            defer { state.input.removeSubrange(...end) }
            return String(decoding: state.input[..<end], as: UTF8.self)
        }
        guard let figures = GuestFigures(line: line) else {
            throw BenchFailure("the guest says: \(line)")
        }
        return figures
    }

    /// What `body` finds; a failure when the guest has ended before, or has taken too long.
    private func waited<Value>(
        _ deed: String,
        for body: (inout State) -> Value?
    ) throws -> Value {
        let found = state.wait(seconds: timeLimit) { state -> Result<Value, BenchFailure>? in
            if let value = body(&state) { return .success(value) }
            if case .ended(let reason) = state.phase { return .failure(failure(reason)) }
            return nil
        }
        guard let found else {
            throw failure("the guest did not \(deed) within \(timeLimit) seconds")
        }
        return try found.get()
    }

    /// With the last lines of the guest's console.
    private func failure(_ reason: String) -> BenchFailure {
        let text = String(decoding: (try? readFile(console)) ?? [], as: UTF8.self)
        let last = text.split(whereSeparator: \.isNewline).suffix(20).joined(separator: "\n")
        return BenchFailure("\(reason)\n\(last)")
    }

    private final class Handler: StreamHandler {
        private let link: GuestLink

        init(link: GuestLink) { self.link = link }

        func received(_ bytes: UnsafeRawBufferPointer) -> Int {
            link.state.update { unsafe $0.input.append(contentsOf: bytes) }
            return bytes.count
        }

        func closed() { link.end("the guest has closed its connection") }
    }
}
