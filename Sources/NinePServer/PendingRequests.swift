import CLinux
import Synchronization
import SystemPackage

/// The opens and reads of one session that workers are busy with.
///
/// A fid belongs to the carrier's thread, so a worker leaves what it has opened here, then replies;
/// the client cannot use the fid before it has the reply, and by then the file is here to be taken.
final class PendingRequests: Sendable {
    struct Opened: Sendable {
        let fid: UInt32
        let node: any Node
        /// Nil when it could not be opened.
        let file: (any OpenFile)?
    }

    private struct State {
        /// Tag of the request, and the tags of the Tflushes that wait for it.
        var flushes: [UInt16: [UInt16]] = [:]
        var opened: [Opened] = []
        /// Counts Tversions: what was asked before one is not answered after it.
        var generation = 0
    }

    private let state = Mutex(State())
    private let hasOpened = Atomic(false)
    /// Jobs that workers have not finished, those of earlier generations included.
    private let unfinished = Atomic(0)

    /// Notes a new request; nil when there are enough, or one with that tag, already. `finished` is to
    /// follow.
    func begin(tag: UInt16, limit: Int) -> Int? {
        state.withLock { state in
            guard unfinished.load(ordering: .relaxed) < limit, state.flushes[tag] == nil
            else { return nil }
            unfinished.wrappingAdd(1, ordering: .relaxed)
            state.flushes[tag] = []
            return state.generation
        }
    }

    /// Whether somebody still waits for a request of that generation.
    func isAwaited(_ generation: Int) -> Bool { state.withLock { $0.generation == generation } }

    /// A request has been done. If somebody still waits for it, `reply` is called with the flushes to
    /// be answered after it; no `abandon` comes in between, so nothing of an earlier session follows
    /// the next one's Rversion.
    /// - Returns: whether it was.
    func end(
        tag: UInt16,
        generation: Int,
        opened: Opened?,
        reply: ([UInt16]) -> Void
    ) -> Bool {
        state.withLock { state in
            guard state.generation == generation else { return false }
            if let opened {
                state.opened.append(opened)
                hasOpened.store(true, ordering: .releasing)
            }
            reply(state.flushes.removeValue(forKey: tag) ?? [])
            return true
        }
    }

    /// Whether the request to be flushed is under way: then `end` gives `tag` out.
    /// - Parameter limit: how many flushes may wait; one more is ENOBUFS.
    func flush(oldTag: UInt16, tag: UInt16, limit: Int) throws(Errno) -> Bool {
        try state.withLock { state throws(Errno) in
            guard state.flushes[oldTag] != nil else { return false }
            let waiting = state.flushes.values.reduce(0) { $0 + $1.count }
            guard waiting < limit else { throw Errno(rawValue: ENOBUFS) }
            state.flushes[oldTag]?.append(tag)
            return true
        }
    }

    /// A worker is done with a request, and has replied if anybody waited.
    func finished() { unfinished.wrappingSubtract(1, ordering: .releasing) }

    /// Whether a worker may reply yet.
    var isBusy: Bool { unfinished.load(ordering: .acquiring) > 0 }

    /// What has been opened since the last call.
    func takeOpened() -> [Opened] {
        guard hasOpened.load(ordering: .acquiring) else { return [] }
        return state.withLock { state in
            hasOpened.store(false, ordering: .relaxed)
            defer { state.opened = [] }
            return state.opened
        }
    }

    /// Nobody waits for anything that is under way now; replies that are being sent are sent first.
    func abandon() {
        state.withLock { state in
            state.generation += 1
            state.flushes = [:]
            state.opened = []
        }
    }
}
