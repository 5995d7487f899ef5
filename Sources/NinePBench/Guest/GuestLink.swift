import ByteStream
import NinePGuest
import SystemIO

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
        let connection = try state.wait { state -> Result<any StreamConnection, BenchFailure>? in
            switch state.phase {
            case .waiting: nil
            case .connected(let connection): .success(connection)
            case .ended(let reason): .failure(BenchFailure(reason))
            }
        }.get()
        let bytes = Array((task.line + "\n").utf8)
        let message = MessageBuffer(capacity: bytes.count)
        unsafe message.whole.copyBytes(from: bytes)
        message.count = bytes.count
        connection.send(OutgoingMessage(message))
        let line = try state.wait { state -> Result<String, BenchFailure>? in
            if let end = state.input.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: state.input[..<end], as: UTF8.self)
                state.input.removeSubrange(...end)
                return .success(line)
            }
            if case .ended(let reason) = state.phase { return .failure(BenchFailure(reason)) }
            return nil
        }.get()
        guard let figures = GuestFigures(line: line) else {
            throw BenchFailure("the guest says: \(line)")
        }
        return figures
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
