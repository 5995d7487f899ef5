import DiskImage
import Testing

@testable import Orchestrator

@Suite struct FormatTests {
    /// Whatever is written, it is written once, in order, and no message is too long.
    @Test(arguments: [[], [0], [5], [10], [11], [4, 6], [4, 7], [25, 1], [3, 3, 3, 3]])
    func writesAreBatched(counts: [Int]) {
        var next: UInt8 = 0
        var offset: UInt64 = 100
        let writes = counts.map { count in
            let bytes = (0..<count).map { _ in
                next += 1
                return next
            }
            defer { offset += UInt64(count) + 7 }
            return DiskWrite(offset: offset, bytes: bytes)
        }
        let batches = VMInstallation.batches(writes, longest: 10)
        #expect(batches.allSatisfy { !$0.isEmpty && $0.map(\.bytes.count).reduce(0, +) <= 10 })
        func places(_ writes: [DiskWrite]) -> [[UInt64]] {
            writes.flatMap { write in
                write.bytes.enumerated().map { [write.offset + UInt64($0), UInt64($1)] }
            }
        }
        #expect(places(batches.flatMap(\.self)) == places(writes))
    }
}
