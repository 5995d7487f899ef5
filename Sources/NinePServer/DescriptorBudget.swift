import CLinux
import Synchronization
import SystemIO
import SystemPackage

/// Bounds the descriptors that a host tree keeps open, whatever number of fids clients hold: idle
/// ones are closed and reopened on use.
package final class DescriptorBudget: Sendable {
    private struct State {
        /// All slots that hold a descriptor, in no order; `hand` is the clock algorithm's.
        var slots: [DescriptorSlot] = []
        var hand = 0
    }

    package let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: descriptors; nil takes three quarters of RLIMIT_NOFILE.
    package init(limit: Int? = nil) {
        if let limit {
            self.limit = max(8, limit)
        } else {
            var resource = rlimit()
            let failed = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &resource)
            let soft = failed == 0 ? Int(clamping: resource.rlim_cur) : 1024
            self.limit = max(8, min(soft / 4 * 3, 1 << 20))
        }
    }

    /// How many descriptors are held now.
    package var count: Int { state.withLock { $0.slots.count } }

    /// Opens a descriptor; when the process or the system has none left, closes idle ones first.
    func open(_ body: () throws(Errno) -> OwnedFD) throws(Errno) -> SharedFD {
        do throws(Errno) {
            return SharedFD(try body())
        } catch {
            guard error == .tooManyOpenFiles || error == .tooManyOpenFilesInSystem else {
                throw error
            }
            state.withLock { state in
                for _ in 0..<32 { reclaimOne(&state) }
            }
            return SharedFD(try body())
        }
    }

    /// Puts a descriptor into a slot that has none, closing an idle one when the limit is reached.
    func hold(_ descriptor: SharedFD, in slot: DescriptorSlot) {
        state.withLock { state in
            if state.slots.count >= limit { reclaimOne(&state) }
            guard slot.fill(descriptor) else { return }
            slot.index = state.slots.count
            state.slots.append(slot)
        }
    }

    /// Empties a slot for good.
    func release(_ slot: DescriptorSlot) {
        // Closing may take long: not under the lock.
        let last = state.withLock { state in
            remove(slot, &state)
            return slot.empty()
        }
        _ = last
    }

    private func remove(_ slot: DescriptorSlot, _ state: inout State) {
        guard slot.index >= 0 else { return }
        let last = state.slots.removeLast()
        if last !== slot {
            state.slots[slot.index] = last
            last.index = slot.index
        }
        slot.index = -1
    }

    /// Second chance: what was used since the hand last came by stays, and what has been unlinked
    /// (and so could not be reopened) stays while anything else can go.
    private func reclaimOne(_ state: inout State) {
        let count = state.slots.count
        for step in 0..<(count * 3) {
            if state.slots.isEmpty { return }
            if state.hand >= state.slots.count { state.hand = 0 }
            let slot = state.slots[state.hand]
            if slot.isReclaimable(evenUnlinked: step >= count * 2) {
                remove(slot, &state)
                _ = slot.empty()
                return
            }
            state.hand += 1
        }
    }
}

/// Where a node or an open file keeps its descriptor.
final class DescriptorSlot: @unchecked Sendable {
    // SAFETY: `index` belongs to the budget and is only touched under its lock.
    private struct State {
        var descriptor: SharedFD?
        var isRecent = true
    }

    private let state = Mutex(State())
    fileprivate var index = -1

    /// The descriptor, if it is open now. The holder may use it after it was reclaimed.
    var current: SharedFD? {
        state.withLock { state in
            state.isRecent = true
            return state.descriptor
        }
    }

    /// Returns false when another thread was first.
    fileprivate func fill(_ descriptor: SharedFD) -> Bool {
        state.withLock { state in
            guard state.descriptor == nil else { return false }
            state.descriptor = descriptor
            state.isRecent = true
            return true
        }
    }

    fileprivate func empty() -> SharedFD? {
        state.withLock { state in
            defer { state.descriptor = nil }
            return state.descriptor
        }
    }

    fileprivate func isReclaimable(evenUnlinked: Bool) -> Bool {
        state.withLock { state in
            guard let descriptor = state.descriptor else { return true }
            if state.isRecent {
                state.isRecent = false
                return false
            }
            if evenUnlinked { return true }
            return (try? HostStatus(descriptor.rawValue).linkCount) != 0
        }
    }
}
