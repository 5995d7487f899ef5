import CLinux
import Synchronization
package import SystemIO
import SystemPackage

/// Bounds the descriptors that exports keep open, whatever number of fids clients hold: idle ones are
/// closed, and reopened on use.
package final class DescriptorBudget: Sendable {
    private struct Entry {
        var descriptor: SharedFD?
        /// Tells a ticket for this descriptor from those for earlier ones.
        var generation: UInt32 = 1
        var isReadable = false
        /// Used since the clock's hand last came by.
        var isRecent = false
        /// Its last name is gone: once seen, not asked again.
        var isUnlinked = false
    }

    private struct State {
        var entries: [Entry] = []
        /// Indices of entries without a descriptor.
        var free: [UInt32] = []
        var hand = 0
        /// Closed ones, whose objects can be used again.
        var spares: [SharedFD] = []
        /// Given up while replies that no client has read yet held them: open as long as those are.
        var detached: [Detached] = []
        var detachedHand = 0
        /// What others keep of the limit.
        var reserved = 0
    }

    private struct Detached { weak var descriptor: SharedFD? }

    package let limit: Int
    private static let spareLimit = 1024
    /// Each takes some 50 bytes of ours and 300 of the kernel's; opening a file again takes microseconds.
    private static let most = 1 << 15
    private let state = Mutex(State())
    /// `detached` has reached its share.
    private let mayBeStrained = Atomic(false)

    /// - Parameter limit: descriptors; nil takes three quarters of RLIMIT_NOFILE, at
    ///   most 32,768.
    package init(limit: Int? = nil) {
        if let limit {
            self.limit = max(8, limit)
        } else {
            var resource = rlimit()
            let failed = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &resource)
            let soft = failed == 0 ? Int(clamping: resource.rlim_cur) : 1024
            self.limit = max(8, min(soft / 4 * 3, Self.most))
        }
    }

    /// How many descriptors are held now.
    package var count: Int { state.withLock { $0.entries.count - $0.free.count } }

    /// Opens a descriptor; when the process or the system has none left, closes idle ones first.
    func open(_ body: () throws(Errno) -> OwnedFD) throws(Errno) -> SharedFD {
        for _ in 0..<4 {
            do throws(Errno) {
                return shared(try body())
            } catch {
                guard error == .tooManyOpenFiles || error == .tooManyOpenFilesInSystem else {
                    throw error
                }
                // What is closed here other threads may take.
                closeIdle()
            }
        }
        return shared(try body())
    }

    /// Closes some of those unused for longest, as the process or the system has none left.
    package func closeIdle() {
        for _ in 0..<32 { reclaim() }
    }

    // MARK: Shares

    /// Takes a part of the limit for somebody else's use: at most a quarter of what is left, so that
    /// there is some for everyone.
    package func reserve(upTo count: Int) -> Int {
        let (share, surplus) = state.withLock { state in
            let share = min(count, (limit - state.reserved) / 4)
            state.reserved += share
            return (share, state.entries.count - state.free.count - limit + state.reserved)
        }
        for _ in 0..<max(0, surplus) { reclaim() }
        return share
    }

    package func giveBack(_ share: Int) { state.withLock { $0.reserved -= share } }

    private func shared(_ descriptor: consuming OwnedFD) -> SharedFD {
        guard let spare = state.withLock({ $0.spares.popLast() }) else {
            return SharedFD(descriptor)
        }
        spare.reuse(for: descriptor)
        return spare
    }

    // MARK: Tickets

    /// The descriptor that a ticket stands for, while it is open. The caller may use it after it was
    /// reclaimed.
    /// - Parameter readable: nil as well if it can only be looked at (O_PATH).
    package func current(_ ticket: borrowing DescriptorTicket, readable: Bool = false) -> SharedFD?
    {
        // Not even the lock for the many that have none.
        guard ticket.value != nil else { return nil }
        return state.withLock { state in
            guard let index = index(ticket, state), !readable || state.entries[index].isReadable
            else { return nil }
            state.entries[index].isRecent = true
            return state.entries[index].descriptor
        }
    }

    /// Keeps a descriptor under a ticket, closing an idle one when the limit is reached. One that can
    /// be read takes the place of one that can not; otherwise the earlier one stays.
    package func hold(
        _ descriptor: consuming SharedFD,
        under ticket: borrowing DescriptorTicket,
        readable: Bool = false
    ) {
        var surplus: SharedFD? = consume descriptor
        var idle: SharedFD?
        state.withLock { state in
            if let index = index(ticket, state) {
                state.entries[index].isRecent = true
                guard readable && !state.entries[index].isReadable else { return }
                state.entries[index].isReadable = true
                swap(&state.entries[index].descriptor, &surplus)
                return
            }
            if state.entries.count - state.free.count >= limit - state.reserved {
                idle = reclaimOne(&state)
            }
            let index = state.free.popLast().map(Int.init) ?? state.entries.count
            if index == state.entries.count { state.entries.append(Entry()) }
            swap(&state.entries[index].descriptor, &surplus)
            state.entries[index].isReadable = readable
            state.entries[index].isRecent = true
            state.entries[index].isUnlinked = false
            ticket.set(index: UInt32(index), generation: state.entries[index].generation)
        }
        retire(&surplus)
        retire(&idle)
    }

    /// Closes what a ticket stands for.
    package func release(_ ticket: borrowing DescriptorTicket) {
        var last = state.withLock { state in
            index(ticket, state).flatMap { detach($0, &state) }
        }
        retire(&last)
    }

    private func index(_ ticket: borrowing DescriptorTicket, _ state: borrowing State) -> Int? {
        guard let (number, generation) = ticket.value else { return nil }
        let index = Int(number)
        return state.entries[index].generation == generation ? index : nil
    }

    private func empty(_ index: Int, _ state: inout State) -> SharedFD? {
        let descriptor = state.entries[index].descriptor
        state.entries[index].descriptor = nil
        // 0 is the generation of tickets for nothing.
        state.entries[index].generation = max(1, state.entries[index].generation &+ 1)
        state.free.append(UInt32(index))
        return descriptor
    }

    /// Closes a descriptor that nobody else holds; otherwise its last holder does. Closing may take
    /// long, so never under the lock.
    private func retire(_ descriptor: inout SharedFD?) {
        guard isKnownUniquelyReferenced(&descriptor), let spare = descriptor else { return }
        spare.close()
        state.withLock { state in
            if state.spares.count < Self.spareLimit { state.spares.append(spare) }
        }
    }

    /// Closes an idle descriptor.
    private func reclaim() {
        var idle = state.withLock { reclaimOne(&$0) }
        retire(&idle)
    }

    /// Second chance: what was used since the hand last came by stays; what a reply still holds, and
    /// what has been unlinked (and so could not be reopened), stays while anything else can go.
    /// - Returns: what is to be closed, if nothing but the budget held it.
    private func reclaimOne(_ state: inout State) -> SharedFD? {
        let count = state.entries.count
        for step in 0..<(count * 3) {
            state.hand = (state.hand + 1) % count
            let index = state.hand
            guard state.entries[index].descriptor != nil else { continue }
            if state.entries[index].isRecent {
                state.entries[index].isRecent = false
                continue
            }
            if step < count * 2 && mustStay(index, &state) { continue }
            return detach(index, &state)
        }
        return nil
    }

    /// Closing it would free nothing, as somebody uses it, or lose the object for good.
    private func mustStay(_ index: Int, _ state: inout State) -> Bool {
        !isKnownUniquelyReferenced(&state.entries[index].descriptor) || isUnlinked(index, &state)
    }

    private func isUnlinked(_ index: Int, _ state: inout State) -> Bool {
        if !state.entries[index].isUnlinked, let descriptor = state.entries[index].descriptor {
            let status = try? HostStatus(descriptor)
            state.entries[index].isUnlinked = status?.linkCount == 0
        }
        return state.entries[index].isUnlinked
    }

    // MARK: What replies still hold

    /// Whether so many descriptors that were given up are open still that no further reply may hold one.
    /// Clients that read none of their replies would else have the process run out of them.
    package var isStrained: Bool {
        guard mayBeStrained.load(ordering: .relaxed) else { return false }
        return state.withLock { state in
            forgetClosed(&state)
            let isStrained = state.detached.count >= detachedLimit
            mayBeStrained.store(isStrained, ordering: .relaxed)
            return isStrained
        }
    }

    private var detachedLimit: Int { max(1, limit / 8) }

    /// - Returns: the descriptor if nobody else holds it.
    private func detach(_ index: Int, _ state: inout State) -> SharedFD? {
        forgetClosed(&state)
        var descriptor = empty(index, &state)
        if isKnownUniquelyReferenced(&descriptor) { return descriptor }
        state.detached.append(Detached(descriptor: descriptor))
        if state.detached.count >= detachedLimit { mayBeStrained.store(true, ordering: .relaxed) }
        return nil
    }

    /// Looks at a few of the detached, so that each is looked at again before long.
    private func forgetClosed(_ state: inout State) {
        for _ in 0..<min(8, state.detached.count) {
            let last = state.detached.count - 1
            state.detachedHand = state.detachedHand < last ? state.detachedHand + 1 : 0
            guard state.detached[state.detachedHand].descriptor == nil else { continue }
            state.detached.swapAt(state.detachedHand, last)
            state.detached.removeLast()
        }
    }
}

/// What a node has of a `DescriptorBudget`: stands for one descriptor until that is reclaimed.
package struct DescriptorTicket: ~Copyable {
    /// The entry's index, and above it its generation; changed under the budget's lock.
    private let bits = Atomic<UInt64>(0)

    package init() {}

    fileprivate var value: (index: UInt32, generation: UInt32)? {
        let bits = bits.load(ordering: .relaxed)
        guard bits != 0 else { return nil }
        return (UInt32(truncatingIfNeeded: bits), UInt32(truncatingIfNeeded: bits >> 32))
    }

    fileprivate func set(index: UInt32, generation: UInt32) {
        bits.store(UInt64(generation) << 32 | UInt64(index), ordering: .relaxed)
    }
}
