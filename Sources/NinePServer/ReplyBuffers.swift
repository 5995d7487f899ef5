import ByteStream
import NineP
import Synchronization

/// The memory of one connection's replies: pools by size, and the account of what is out.
final class ReplyBuffers: Sendable {
    private static let smallSize = 256
    private static let mediumSize = (64 << 10) + 24

    private let small: MessageBufferPool
    private let medium: MessageBufferPool
    private let large: MessageBufferPool
    private let account: Account

    /// - Parameter onRoom: called when there is room again after `isFull` was true, and now and then
    ///   without that.
    init(limits: Limits, onRoom: @escaping @Sendable () -> Void) {
        let account = Account(limits: limits, onRoom: onRoom)
        self.account = account
        func pool(_ size: Int, keeping limit: Int) -> MessageBufferPool {
            MessageBufferPool(capacity: size, limit: limit) { account.give(size) }
        }
        small = pool(Self.smallSize, keeping: 128)
        medium = pool(Self.mediumSize, keeping: 16)
        large = pool(Int(limits.messageSize), keeping: 2)
    }

    /// A buffer of at least that capacity, or of the largest message there is.
    func take(atLeast size: Int) -> MessageBuffer {
        let pool = size <= Self.smallSize ? small : size <= Self.mediumSize ? medium : large
        account.take(pool.capacity)
        return pool.take()
    }

    /// No further request may be served until `onRoom`.
    var isFull: Bool { account.isFull() }
}

/// What a connection's undelivered replies occupy.
private final class Account: Sendable {
    private let limits: Limits
    private let onRoom: @Sendable () -> Void
    private let buffers = Atomic(0)
    private let bytes = Atomic(0)
    private let stalled = Atomic(false)

    init(limits: Limits, onRoom: @escaping @Sendable () -> Void) {
        self.limits = limits
        self.onRoom = onRoom
    }

    func take(_ size: Int) {
        buffers.wrappingAdd(1, ordering: .relaxed)
        bytes.wrappingAdd(size, ordering: .relaxed)
    }

    func give(_ size: Int) {
        buffers.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        bytes.wrappingSubtract(size, ordering: .sequentiallyConsistent)
        if stalled.load(ordering: .sequentiallyConsistent), isUnder(fraction: 2),
            stalled.exchange(false, ordering: .sequentiallyConsistent)
        {
            onRoom()
        }
    }

    private func isUnder(fraction: Int) -> Bool {
        buffers.load(ordering: .sequentiallyConsistent) < max(1, limits.pendingReplies / fraction)
            && bytes.load(ordering: .sequentiallyConsistent)
                < max(1, limits.pendingReplyBytes / fraction)
    }

    /// Looks again after raising the flag, so that a `give` in between is not missed. Should that find
    /// room the flag stays: `onRoom` is then called once more than it need be.
    func isFull() -> Bool {
        if isUnder(fraction: 1) { return false }
        stalled.store(true, ordering: .sequentiallyConsistent)
        return !isUnder(fraction: 1)
    }
}
