import Synchronization

/// Values that can be had again, kept while their costs stay under a limit; those unused for longest
/// go first. Safe from any thread.
final class BoundedCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry {
        let value: Value
        let cost: Int
        var used: UInt64
    }

    private struct State {
        var entries: [Key: Entry] = [:]
        var cost = 0
        var clock: UInt64 = 0
        var hasEnded = false
    }

    private let costLimit: Int
    private let state = Mutex(State())

    init(costLimit: Int) {
        self.costLimit = costLimit
    }

    /// Sum of the costs, and number of values.
    var usage: (cost: Int, count: Int) { state.withLock { ($0.cost, $0.entries.count) } }

    func value(_ key: Key) -> Value? {
        state.withLock { state in
            guard let place = state.entries.index(forKey: key) else { return nil }
            state.clock &+= 1
            state.entries.values[place].used = state.clock
            return state.entries.values[place].value
        }
    }

    /// Drops everything, and keeps nothing from now on.
    func end() {
        let dropped = state.withLock { state in
            defer { state = State(hasEnded: true) }
            return state.entries
        }
        _ = dropped
    }

    /// Puts `value` in, unless another thread was first: then that one's value counts.
    func insert(_ key: Key, _ value: Value, cost: Int) -> Value {
        let (kept, dropped) = state.withLock { state -> (Value, [Value]) in
            if let known = state.entries[key] { return (known.value, []) }
            if state.hasEnded { return (value, []) }
            state.clock &+= 1
            state.entries[key] = Entry(value: value, cost: cost, used: state.clock)
            state.cost += cost
            return (value, evict(&state, sparing: key))
        }
        // What goes gives back much memory: not under the lock.
        _ = dropped
        return kept
    }

    /// Goes down to three quarters at once, so that the sorting is paid for by many insertions.
    private func evict(_ state: inout State, sparing newest: Key) -> [Value] {
        guard state.cost > costLimit else { return [] }
        var dropped: [Value] = []
        for (key, entry) in state.entries.sorted(by: { $0.value.used < $1.value.used }) {
            if state.cost <= costLimit / 4 * 3 { break }
            if key == newest { continue }
            state.entries[key] = nil
            state.cost -= entry.cost
            dropped.append(entry.value)
        }
        return dropped
    }
}
