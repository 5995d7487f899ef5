import ByteStream
import Synchronization
import SystemIO
import Testing

@testable import NinePServer

@Suite struct ReplyBuffersTests {
    /// One thread asks whether there is room, another delivers. Whoever was told that there is none
    /// hears when there is, even if that came about between two looks.
    @Test func roomIsNeverMissed() throws {
        var limits = Limits()
        limits.pendingReplies = 1
        let hasRoom = Atomic(false)
        let buffers = ReplyBuffers(limits: limits) {
            hasRoom.store(true, ordering: .sequentiallyConsistent)
        }
        let sent = Mutex<MessageBuffer?>(nil)
        let isSent = Atomic(false)
        let isDone = Atomic(false)
        let carrier = try Thread(name: "carrier") {
            while !isDone.load(ordering: .relaxed) {
                guard isSent.exchange(false, ordering: .acquiring) else { continue }
                sent.withLock { $0.take() }?.recycle()
            }
        }
        defer {
            isDone.store(true, ordering: .relaxed)
            carrier.join()
        }
        for number in 0..<50_000 {
            let buffer = buffers.take(atLeast: 0)
            sent.withLock { $0 = buffer }
            isSent.store(true, ordering: .releasing)
            // So that the two looks come at every moment of the delivery.
            for _ in 0..<number % 200 { _ = isDone.load(ordering: .relaxed) }
            while buffers.isFull {
                let end = monotonicSeconds() + 10
                while !hasRoom.exchange(false, ordering: .sequentiallyConsistent) {
                    try #require(monotonicSeconds() < end)
                }
            }
        }
    }
}
