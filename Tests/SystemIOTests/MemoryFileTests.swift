import Synchronization
import SystemIO
import Testing

@Suite struct MemoryFileTests {
    @Test func holesAreNoData() throws {
        let file = try makeMemoryFile("test", size: 1 << 30)
        #expect(try dataExtents(of: file.rawValue) == [])
        try writeAll(file.rawValue, [1], at: 5 << 20)
        try writeAll(file.rawValue, [1], at: 1 << 30 - 1)
        let extents = try dataExtents(of: file.rawValue)
        #expect(extents.count == 2)
        #expect(extents.first?.contains(5 << 20) == true)
        #expect(extents.last?.upperBound == 1 << 30)
    }
}

@Suite struct ConcurrentlyTests {
    @Test(arguments: [0, 1, 2, 1000])
    func eachIndexComesOnce(count: Int) {
        let seen = Mutex<[Int]>([])
        concurrently(count) { index in seen.withLock { $0.append(index) } }
        #expect(seen.withLock { $0.sorted() } == Array(0..<count))
    }
}
