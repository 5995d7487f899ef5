import TestSupport
import Testing

@testable import VirtioSocket
@testable import VirtioSocketFuzzing

@Suite("Split virtqueues")
struct SplitQueueTests {
    struct BadChain: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Address (from the guest's base), count, flags, next.
        let descriptors: [(UInt64, UInt32, UInt16, UInt16)]
        var head: UInt16 = 0
        let error: RingError
    }

    static let outside = UInt64(GuestSimulator.size)
    static let base = GuestSimulator.guestBase

    @Test(
        "Broken chains are errors, not accesses",
        arguments: [
            BadChain(
                testDescription: "head outside the table",
                descriptors: [],
                head: 16,
                error: .descriptorIndex(16)
            ),
            BadChain(
                testDescription: "next outside the table",
                descriptors: [(0, 1, 1, 999)],
                error: .descriptorIndex(999)
            ),
            BadChain(
                testDescription: "loop on itself",
                descriptors: [(0, 1, 1, 0)],
                error: .endlessChain
            ),
            BadChain(
                testDescription: "loop of two",
                descriptors: [(0, 1, 1, 1), (0, 1, 1, 0)],
                error: .endlessChain
            ),
            BadChain(
                testDescription: "past the end of memory",
                descriptors: [(outside - 1, 2, 0, 0)],
                error: .outsideMemory(address: base + outside, count: 2)
            ),
            BadChain(
                testDescription: "address that wraps around",
                descriptors: [(UInt64.max - base, 16, 0, 0)],
                error: .outsideMemory(address: .max, count: 16)
            ),
            BadChain(
                testDescription: "4 GiB buffer",
                descriptors: [(0, .max, 2, 0)],
                error: .outsideMemory(address: base + outside, count: .max)
            ),
            BadChain(
                testDescription: "readable after writable",
                descriptors: [(0, 1, 3, 1), (0, 1, 0, 0)],
                error: .readableAfterWritable
            ),
            BadChain(
                testDescription: "indirect table, which is not offered",
                descriptors: [(0, 16, 4, 0)],
                error: .indirectTable
            ),
        ]
    )
    func badChain(_ sample: BadChain) throws {
        let guest = try GuestSimulator()
        for (index, descriptor) in sample.descriptors.enumerated() {
            let (offset, count, flags, next) = descriptor
            guest.describe(
                guest.transmit,
                index,
                address: Self.base &+ offset,
                count: count,
                flags: flags,
                next: next
            )
        }
        guest.offer(&guest.transmit, head: sample.head)
        var queue = try #require(guest.queue(guest.transmit))
        var chain = DescriptorChain()
        #expect(throws: sample.error) { try queue.next(into: &chain, memory: guest.memory()) }
    }

    @Test("More available chains than entries are an error")
    func availableIndex() throws {
        let guest = try GuestSimulator()
        var queue = try #require(guest.queue(guest.transmit))
        guest.store(UInt16(17), at: guest.transmit.offset + 0x2002)
        var chain = DescriptorChain()
        #expect(throws: RingError.availableIndex(17)) {
            try queue.next(into: &chain, memory: guest.memory())
        }
    }

    @Test("A driver that takes back what it was not shown as used has nothing available")
    func withdrawn() throws {
        let guest = try GuestSimulator()
        var queue = try #require(guest.queue(guest.transmit))
        var chain = DescriptorChain()
        guest.send(VsockHeader())
        let head = try #require(try queue.next(into: &chain, memory: guest.memory()))
        queue.complete(head: head, count: 0)
        guest.store(UInt16(0), at: guest.transmit.offset + 0x2002)
        #expect(queue.availableCount == 0)
        #expect(try queue.next(into: &chain, memory: guest.memory()) == nil)
        _ = queue.publish()
        #expect(throws: RingError.availableIndex(.max)) {
            try queue.next(into: &chain, memory: guest.memory())
        }
    }

    @Test("A buffer across two regions comes in two pieces")
    func seam() throws {
        let guest = try GuestSimulator()
        let seam = UInt64(3 << 20)
        guest.describe(
            guest.transmit,
            0,
            address: Self.base + seam - 10,
            count: 30,
            flags: 0
        )
        guest.offer(&guest.transmit, head: 0)
        var queue = try #require(guest.queue(guest.transmit))
        var chain = DescriptorChain()
        _ = try queue.next(into: &chain, memory: guest.memory())
        #expect(chain.readable.map(\.count) == [10, 20])
        #expect(chain.readableCount == 30)
    }

    @Test("Interrupts only when the driver's event index is passed, across the index's wrap")
    func eventIndex() throws {
        let guest = try GuestSimulator()
        var queue = try #require(guest.queue(guest.receive))
        var used: UInt16 = 0
        var random = SplitMix(seed: 2)
        for round in 0..<30_000 {
            let batch = UInt16(random.next() % 5) + 1
            let event = used &+ UInt16(random.next() % 8)
            guest.setUsedEvent(guest.receive, event)
            for _ in 0..<batch { queue.complete(head: 0, count: 0) }
            let wants = (0..<batch).contains { used &+ $0 == event }
            let interrupts = queue.publish()
            used &+= batch
            #expect(guest.usedIndex(guest.receive) == used)
            if interrupts != wants {
                Issue.record("round \(round): interrupt \(interrupts), wanted \(wants)")
                return
            }
        }
    }

    @Test("Without event indices the flags decide")
    func flags() throws {
        let guest = try GuestSimulator()
        var queue = try #require(guest.queue(guest.receive, hasEventIndex: false))
        queue.complete(head: 0, count: 0)
        let interrupts = [queue.publish(), queue.publish()]
        #expect(interrupts == [true, false])
        guest.store(UInt16(1), at: guest.receive.offset + 0x2000)
        queue.complete(head: 0, count: 0)
        let isSuppressed = !queue.publish()
        #expect(isSuppressed)
        queue.disableKicks()
        #expect(guest.load(at: guest.receive.offset + 0x4000, as: UInt16.self) == 1)
        let isEmpty = !queue.enableKicks()
        #expect(isEmpty)
        #expect(guest.load(at: guest.receive.offset + 0x4000, as: UInt16.self) == 0)
        guest.postReceiveBuffers(1)
        let isThere = queue.enableKicks()
        #expect(isThere)
    }

    @Test(
        "Rings must lie in memory, aligned, with a size that is a power of two",
        arguments: [
            (0, 0x4000, 0x2000, 0), (0, 0x4000, 0x2000, 12), (0, 0x4000, 0x2000, 65_536),
            (8, 0x4000, 0x2000, 16), (0, 0x4002, 0x2000, 16), (0, 0x4000, 0x2001, 16),
            (8 << 20, 0x4000, 0x2000, 16), (0, (8 << 20) - 16, 0x2000, 16),
            (0, 0x4000, (8 << 20) - 16, 16), (-16, 0x4000, 0x2000, 16),
        ] as [(Int64, Int64, Int64, UInt32)]
    )
    func badRing(descriptors: Int64, used: Int64, available: Int64, size: UInt32) throws {
        let guest = try GuestSimulator()
        let start = Int64(GuestSimulator.userBase)
        let addresses = VringAddresses(
            descriptors: UInt64(start + descriptors),
            used: UInt64(start + used),
            available: UInt64(start + available)
        )
        let queue = SplitQueue(
            size: size,
            addresses: addresses,
            base: 0,
            hasEventIndex: true,
            memory: guest.memory()
        )
        #expect(queue == nil)
    }
}
