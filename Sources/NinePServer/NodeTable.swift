import Synchronization
import SystemIO

/// The nodes of one tree, by the folder they are in and their name, so that all fids that name one
/// file share one node.
///
/// Nodes that no fid needs any more stay, up to a number: folders because the way through them is
/// walked again and again, the others because they save making a new object for the next file.
final class NodeTable: Sendable {
    private struct State {
        /// Open addressing with linear probing; a power of two in size, four fifths full at most.
        var slots: [HostNode?] = Array(repeating: nil, count: 64)
        var count = 0
        var hand = 0
    }

    /// Above so many nodes an idle one is used again for a new file.
    private static let idleLimit = 4096
    private let state = Mutex(State())

    /// The node that was last found there under that name.
    func find(_ name: Span<UInt8>, in container: HostNode) -> HostNode? {
        state.withLock { state in
            let place = place(of: name, in: container, state)
            state.slots[place]?.isRecent = true
            return state.slots[place]
        }
    }

    /// The node of what was found there under that name just now: the known one if it is the same.
    func node(_ name: Span<UInt8>, in container: HostNode, _ found: HostIdentity) -> HostNode {
        // What goes, goes outside the lock: closing its descriptor may take long.
        let (node, dropped) = state.withLock { state -> (HostNode, HostNode?) in
            let known = place(of: name, in: container, state)
            if let node = state.slots[known], node.isSame(found) {
                node.isRecent = true
                return (node, nil)
            }
            let node = idleNode(&state) ?? HostNode(tree: container.tree)
            node.become(found, named: name, in: container)
            let place = place(of: name, in: container, state)
            let dropped = state.slots[place]
            state.slots[place] = node
            if dropped == nil { state.count += 1 }
            if state.count * 5 > state.slots.count * 4 { grow(&state) }
            return (node, dropped)
        }
        _ = dropped
        return node
    }

    func removeAll() {
        let dropped = state.withLock { state in
            defer { state = State() }
            return state.slots
        }
        _ = dropped
    }

    // MARK: Places

    /// Where that name's node is, or where it would go.
    private func place(
        of name: Span<UInt8>,
        in container: HostNode,
        _ state: borrowing State
    ) -> Int {
        var place = home(of: name, in: container, state)
        while let node = state.slots[place], !node.isNamed(name, in: container) {
            place = (place + 1) & (state.slots.count - 1)
        }
        return place
    }

    private func home(
        of name: Span<UInt8>,
        in container: HostNode?,
        _ state: borrowing State
    ) -> Int {
        var hasher = Hasher()
        hasher.combine(container.map(ObjectIdentifier.init))
        // SAFETY: the bytes are only read, during the call.
        unsafe name.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        return hasher.finalize() & (state.slots.count - 1)
    }

    private func home(of node: HostNode, _ state: borrowing State) -> Int {
        node.name.withSpan { home(of: $0, in: node.container, state) }
    }

    private func grow(_ state: inout State) {
        let old = state.slots
        state.slots = Array(repeating: nil, count: old.count * 2)
        state.hand = 0
        for case let node? in old {
            var place = home(of: node, state)
            while state.slots[place] != nil { place = (place + 1) & (state.slots.count - 1) }
            state.slots[place] = node
        }
    }

    // MARK: Idle nodes

    /// Takes a node out that nobody else holds, should there be many nodes: the second chance
    /// algorithm, a few steps at a time.
    private func idleNode(_ state: inout State) -> HostNode? {
        guard state.count > Self.idleLimit else { return nil }
        for _ in 0..<16 {
            state.hand = (state.hand + 1) & (state.slots.count - 1)
            guard isKnownUniquelyReferenced(&state.slots[state.hand]) else { continue }
            if let node = state.slots[state.hand], node.isRecent {
                node.isRecent = false
                continue
            }
            defer { remove(state.hand, &state) }
            return state.slots[state.hand]
        }
        return nil
    }

    /// Closes the gap, so that no search ends before what it looks for.
    private func remove(_ place: Int, _ state: inout State) {
        let mask = state.slots.count - 1
        var gap = place
        state.slots[gap] = nil
        state.count -= 1
        var next = (gap + 1) & mask
        while let node = state.slots[next] {
            // It may move if its home does not lie behind the gap.
            if (next - home(of: node, state)) & mask >= (next - gap) & mask {
                state.slots[gap] = node
                state.slots[next] = nil
                gap = next
            }
            next = (next + 1) & mask
        }
    }
}
