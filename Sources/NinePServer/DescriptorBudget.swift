import CLinux
import Synchronization
import SystemIO
import SystemPackage

/// Bounds the descriptors that host trees keep open, whatever number of fids clients hold: idle ones
/// are closed, and reopened on use.
package final class DescriptorBudget: Sendable {
    private struct Entry {
        var descriptor: SharedFD?
        /// Tells a ticket for this descriptor from those for earlier ones.
        var generation: UInt32 = 1
        var isReadable = false
        /// Used since the clock's hand last came by.
        var isRecent = false
    }

    private struct State {
        var entries: [Entry] = []
        /// Indices of entries without a descriptor.
        var free: [UInt32] = []
        var hand = 0
        /// Closed ones, whose objects can be used again.
        var spares: [SharedFD] = []
    }

    package let limit: Int
    private static let spareLimit = 1024
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
    package var count: Int { state.withLock { $0.entries.count - $0.free.count } }

    /// Opens a descriptor; when the process or the system has none left, closes idle ones first.
    func open(_ body: () throws(Errno) -> OwnedFD) throws(Errno) -> SharedFD {
        do throws(Errno) {
            return shared(try body())
        } catch {
            guard error == .tooManyOpenFiles || error == .tooManyOpenFilesInSystem else {
                throw error
            }
            state.withLock { state in
                for _ in 0..<32 { reclaimOne(&state) }
            }
            return shared(try body())
        }
    }

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
    func current(_ ticket: borrowing DescriptorTicket, readable: Bool = false) -> SharedFD? {
        state.withLock { state in
            guard let index = index(ticket, state), !readable || state.entries[index].isReadable
            else { return nil }
            state.entries[index].isRecent = true
            return state.entries[index].descriptor
        }
    }

    /// Keeps a descriptor under a ticket, closing an idle one when the limit is reached. One that can
    /// be read takes the place of one that can not; otherwise the earlier one stays.
    func hold(
        _ descriptor: consuming SharedFD,
        under ticket: borrowing DescriptorTicket,
        readable: Bool = false
    ) {
        var surplus: SharedFD? = consume descriptor
        state.withLock { state in
            if let index = index(ticket, state) {
                state.entries[index].isRecent = true
                guard readable && !state.entries[index].isReadable else { return }
                state.entries[index].isReadable = true
                swap(&state.entries[index].descriptor, &surplus)
                return
            }
            if state.entries.count - state.free.count >= limit { reclaimOne(&state) }
            let index = state.free.popLast().map(Int.init) ?? state.entries.count
            if index == state.entries.count { state.entries.append(Entry()) }
            swap(&state.entries[index].descriptor, &surplus)
            state.entries[index].isReadable = readable
            state.entries[index].isRecent = true
            ticket.set(index: UInt32(index), generation: state.entries[index].generation)
        }
        retire(&surplus)
    }

    /// Closes what a ticket stands for.
    func release(_ ticket: borrowing DescriptorTicket) {
        var last = state.withLock { state in
            index(ticket, state).flatMap { empty($0, &state) }
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

    /// Second chance: what was used since the hand last came by stays, and what has been unlinked
    /// (and so could not be reopened) stays while anything else can go.
    private func reclaimOne(_ state: inout State) {
        let count = state.entries.count
        for step in 0..<(count * 3) {
            state.hand = (state.hand + 1) % count
            guard let descriptor = state.entries[state.hand].descriptor else { continue }
            if state.entries[state.hand].isRecent {
                state.entries[state.hand].isRecent = false
                continue
            }
            let isUnlinked = (try? HostStatus(descriptor.rawValue).linkCount) == 0
            if isUnlinked && step < count * 2 { continue }
            _ = empty(state.hand, &state)
            return
        }
    }
}

/// What a node has of a `DescriptorBudget`: stands for one descriptor until that is reclaimed.
struct DescriptorTicket: ~Copyable {
    /// The entry's index, and above it its generation; changed under the budget's lock.
    private let bits = Atomic<UInt64>(0)

    fileprivate var value: (index: UInt32, generation: UInt32)? {
        let bits = bits.load(ordering: .relaxed)
        guard bits != 0 else { return nil }
        return (UInt32(truncatingIfNeeded: bits), UInt32(truncatingIfNeeded: bits >> 32))
    }

    fileprivate func set(index: UInt32, generation: UInt32) {
        bits.store(UInt64(generation) << 32 | UInt64(index), ordering: .relaxed)
    }
}
