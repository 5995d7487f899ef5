package import ByteStream
import Synchronization
import SystemIO

/// What a service holds of one connection with the guest. Safe from any thread; the device's
/// thread collects what is left here.
package final class VsockConnection: StreamConnection {
    /// What other threads have asked for since the device last looked.
    private struct Requests {
        var messages: [OutgoingMessage] = []
        var wantsClose = false
        var hasResumed = false
    }

    private struct State {
        var requests = Requests()
        /// The device knows that there is something to collect.
        var isPosted = false
        var isClosed = false
    }

    let key: StreamKey
    private let guestCID: UInt64
    private let mailbox: Mailbox
    private let state = Mutex(State())
    private let queued = Atomic<Int>(0)

    init(key: StreamKey, guestCID: UInt64, mailbox: Mailbox) {
        self.key = key
        self.guestCID = guestCID
        self.mailbox = mailbox
    }

    package func send(_ message: OutgoingMessage) {
        let isDropped = request { state in
            if state.requests.wantsClose { return false }
            queued.wrappingAdd(message.byteCount, ordering: .relaxed)
            state.requests.messages.append(message)
            return true
        }
        if isDropped { message.buffer.recycle() }
    }

    package var queuedByteCount: Int { queued.load(ordering: .relaxed) }

    package func resume() {
        _ = request { state in
            state.requests.hasResumed = true
            return true
        }
    }

    package func close() {
        _ = request { state in
            state.requests.wantsClose = true
            return true
        }
    }

    package var peerDescription: String { "vsock:\(guestCID):\(key.guestPort)" }

    /// Changes the requests and tells the device once.
    /// - Parameter change: returns whether it has taken the request.
    /// - Returns: whether the request was dropped.
    private func request(_ change: (inout State) -> Bool) -> Bool {
        let (isTaken, posts) = state.withLock { state in
            guard !state.isClosed, change(&state) else { return (false, false) }
            defer { state.isPosted = true }
            return (true, !state.isPosted)
        }
        if posts { mailbox.post(self) }
        return !isTaken
    }
}

/// The device's side.
extension VsockConnection {
    /// Takes over what was asked for.
    /// - Parameter messages: empty; changes places with the connection's own, so that both keep their
    ///   memory.
    func collect(into messages: inout [OutgoingMessage]) -> (wantsClose: Bool, hasResumed: Bool) {
        state.withLock { state in
            defer { state.requests.hasResumed = false }
            state.isPosted = false
            swap(&state.requests.messages, &messages)
            return (state.requests.wantsClose, state.requests.hasResumed)
        }
    }

    /// Collects the messages alone.
    func collectMessages(into messages: inout [OutgoingMessage]) {
        state.withLock { swap(&$0.requests.messages, &messages) }
    }

    /// `count` queued bytes are in the guest's hands, or dropped.
    func delivered(_ count: Int) { queued.wrappingSubtract(count, ordering: .relaxed) }

    /// Refuses further requests and hands out the messages that were not collected.
    func shut() -> [OutgoingMessage] {
        state.withLock { state in
            state.isClosed = true
            let messages = state.requests.messages
            state.requests = Requests()
            return messages
        }
    }
}

/// Which connection a packet belongs to.
struct StreamKey: Hashable, Sendable {
    var guestPort: UInt32
    var hostPort: UInt32
}

/// Connections with requests to collect, and the way to wake the device for them.
final class Mailbox: Sendable {
    private struct State {
        var posted: [VsockConnection] = []
        var isAsleep = false
        var isStopped = false
    }

    private let state = Mutex(State())
    private let wake: EventFD

    init(wake: EventFD) { self.wake = wake }

    func post(_ connection: VsockConnection) {
        wakeIf { state in
            state.posted.append(connection)
            return state.isAsleep
        }
    }

    func stop() {
        wakeIf { state in
            state.isStopped = true
            return true
        }
    }

    private func wakeIf(_ change: (inout State) -> Bool) {
        let isAsleep = state.withLock { state in
            defer { state.isAsleep = false }
            return change(&state)
        }
        if isAsleep { wake.signal() }
    }

    var isStopped: Bool { state.withLock { $0.isStopped } }

    /// Takes all posted connections into `connections`, which keeps its capacity.
    func collect(into connections: inout [VsockConnection]) {
        connections.removeAll(keepingCapacity: true)
        state.withLock { state in
            state.isAsleep = false
            swap(&state.posted, &connections)
        }
    }

    /// The device no longer waits: what is posted from now on needs no signal, as it looks anyway.
    func wakeUp() { state.withLock { $0.isAsleep = false } }

    /// The device is about to wait: later posts must signal.
    /// - Returns: false where something is posted already, so that it must not wait.
    func fallAsleep() -> Bool {
        state.withLock { state in
            guard state.posted.isEmpty, !state.isStopped else { return false }
            state.isAsleep = true
            return true
        }
    }
}
