import ByteStream
import CLinux
import Synchronization
import SystemIO
import SystemPackage

/// Something with a descriptor that an `EventLoop` watches. Its methods are called on the loop's
/// thread.
protocol EventSource: AnyObject, Sendable {
    var descriptor: SharedFD { get }
    /// EPOLLIN, EPOLLOUT at the start.
    var interest: UInt32 { get }
    func ready(_ events: UInt32, _ loop: EventLoop)
    /// Somebody asked for attention by `EventLoop.poke`.
    func poked(_ loop: EventLoop)
    /// The loop ends. May come more than once.
    func stopped()
}

extension EventSource {
    func poked(_ loop: EventLoop) {}
}

/// One thread's epoll set.
final class EventLoop: Sendable {
    private struct State {
        var sources: [UInt64: any EventSource] = [:]
        var nextToken: UInt64 = 1
        var pokes: [any EventSource] = []
        var isStopping = false
        /// The thread is gone: nobody takes pokes any more.
        var hasEnded = false
    }

    private let epoll: Epoll
    private let wake: EventFD
    private let state = Mutex(State())
    /// What the loop's thread receives into.
    let input = MessageBuffer(capacity: 128 << 10)
    private static let wakeToken: UInt64 = 0

    init() throws(Errno) {
        epoll = try Epoll()
        wake = try EventFD()
        try epoll.add(wake.rawValue, EPOLLIN.rawValue, token: Self.wakeToken)
    }

    /// Watches a source; returns its token, nil when the loop has ended or epoll refuses.
    @discardableResult
    func add(_ source: any EventSource) -> UInt64? {
        let token: UInt64? = state.withLock { state in
            guard !state.isStopping else { return nil }
            let token = state.nextToken
            state.nextToken += 1
            state.sources[token] = source
            return token
        }
        guard let token else { return nil }
        do throws(Errno) {
            try epoll.add(source.descriptor.rawValue, source.interest, token: token)
            return token
        } catch {
            state.withLock { _ = $0.sources.removeValue(forKey: token) }
            return nil
        }
    }

    func change(_ source: any EventSource, token: UInt64, to events: UInt32) {
        try? epoll.modify(source.descriptor.rawValue, events, token: token)
    }

    func remove(_ source: any EventSource, token: UInt64) {
        try? epoll.remove(source.descriptor.rawValue)
        state.withLock { _ = $0.sources.removeValue(forKey: token) }
    }

    /// Has `source.poked` called soon, or `stopped` if the loop ends first, on the loop's thread.
    /// - Returns: false when the loop has ended, and calls nothing any more.
    @discardableResult
    func poke(_ source: any EventSource) -> Bool {
        let (isFirst, hasEnded) = state.withLock { state in
            if state.hasEnded { return (false, true) }
            state.pokes.append(source)
            return (state.pokes.count == 1, false)
        }
        if isFirst { wake.signal() }
        return !hasEnded
    }

    func stop() {
        state.withLock { $0.isStopping = true }
        wake.signal()
    }

    func run() {
        // Changes places with the state's list, so that both keep their memory.
        var pokes: [any EventSource] = []
        while true {
            do throws(Errno) {
                try epoll.wait { token, events in
                    if token == Self.wakeToken {
                        wake.drain()
                        return
                    }
                    let source = state.withLock { $0.sources[token] }
                    source?.ready(events, self)
                }
            } catch {
                break
            }
            let isStopping = state.withLock { state in
                swap(&pokes, &state.pokes)
                return state.isStopping
            }
            if isStopping { break }
            for source in pokes { source.poked(self) }
            if !pokes.isEmpty { pokes.removeAll(keepingCapacity: true) }
        }
        let left = state.withLock { state in
            defer {
                state.sources = [:]
                state.pokes = []
                state.hasEnded = true
            }
            // Some are among both, and some, just accepted, only among those with a poke.
            return Array(state.sources.values) + state.pokes
        }
        for source in left + pokes { source.stopped() }
    }
}
