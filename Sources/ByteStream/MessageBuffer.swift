import Synchronization

/// A byte buffer of fixed capacity that returns to its pool, so that a steady stream of messages
/// allocates nothing.
///
/// One holder at a time writes it (`withStorage`); after `send` only the carrier touches it.
@safe package final class MessageBuffer: @unchecked Sendable {
    // SAFETY: `storage` lives as long as the object; exclusive use passes with the reference, as
    // the contract above says, so no two threads touch it at once.
    private let storage: UnsafeMutableRawBufferPointer
    /// Bytes in use from the start.
    package var count = 0
    /// Where it returns to; nil while it lies there, as the two would keep each other alive.
    fileprivate var pool: MessageBufferPool?

    package init(capacity: Int) {
        unsafe storage = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { unsafe storage.deallocate() }

    package var capacity: Int { unsafe storage.count }

    /// The bytes in use.
    package var bytes: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: storage[..<count])
    }

    /// The whole capacity, for writing; set `count` afterwards.
    package var whole: UnsafeMutableRawBufferPointer { unsafe storage }

    /// Gives the buffer back to its pool. The caller must not touch it again.
    package func recycle() {
        guard let pool else { return }
        self.pool = nil
        pool.put(self)
    }
}

/// Keeps buffers of one capacity for reuse, at most `limit` of them idle.
package final class MessageBufferPool: Sendable {
    package let capacity: Int
    private let limit: Int
    private let onRecycle: (@Sendable () -> Void)?
    private let idle = Mutex<[MessageBuffer]>([])

    /// - Parameter onRecycle: called after a buffer has come back, on the thread that gave it back
    ///   (a carrier's, maybe with the carrier's locks held: it must return at once).
    package init(capacity: Int, limit: Int, onRecycle: (@Sendable () -> Void)? = nil) {
        self.capacity = capacity
        self.limit = limit
        self.onRecycle = onRecycle
        idle.withLock { $0.reserveCapacity(limit) }
    }

    package func take() -> MessageBuffer {
        let buffer = idle.withLock { $0.popLast() } ?? MessageBuffer(capacity: capacity)
        buffer.count = 0
        buffer.pool = self
        return buffer
    }

    fileprivate func put(_ buffer: MessageBuffer) {
        idle.withLock { if $0.count < limit { $0.append(buffer) } }
        onRecycle?()
    }
}
