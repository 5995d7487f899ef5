import ByteStream
import CLinux
import NinePServer
import Synchronization

/// A carrier without a kernel, whose delivery the fuzzer decides.
final class FuzzCarrier: StreamConnection, Sendable {
    private struct State {
        var queue: [OutgoingMessage] = []
        var first = 0
        var isClosed = false
        var hasRoom = false
    }

    private let state = Mutex(State())
    private let bell: Bell
    let peerDescription = "fuzzer"

    init(bell: Bell) { self.bell = bell }

    func send(_ message: OutgoingMessage) {
        let isDropped = state.withLock { state in
            if !state.isClosed { state.queue.append(message) }
            return state.isClosed
        }
        if isDropped { message.buffer.recycle() }
        bell.ring()
    }

    var queuedByteCount: Int {
        state.withLock { $0.queue[$0.first...].reduce(0) { $0 + $1.byteCount } }
    }

    func resume() { state.withLock { $0.hasRoom = true } }

    func close() { state.withLock { $0.isClosed = true } }

    // MARK: The fuzzer's side

    var isClosed: Bool { state.withLock { $0.isClosed } }
    var waitingCount: Int { state.withLock { $0.queue.count - $0.first } }

    /// Whether the server has asked for more since the last call.
    func takeResume() -> Bool {
        state.withLock { state in
            defer { state.hasRoom = false }
            return state.hasRoom
        }
    }

    /// The next reply; the caller recycles its buffer.
    func next() -> OutgoingMessage? {
        state.withLock { state in
            guard state.first < state.queue.count else { return nil }
            defer {
                state.first += 1
                if state.first == state.queue.count {
                    state.queue.removeAll(keepingCapacity: true)
                    state.first = 0
                }
            }
            return state.queue[state.first]
        }
    }
}
