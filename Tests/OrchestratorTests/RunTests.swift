import Synchronization
import SystemIO
import Testing

@testable import Orchestrator

@Suite struct ResourcesTests {
    @Test(
        "jobs follow from cores and memory",
        arguments: [
            (nil, 5, 2, 8000, 1, 2), (nil, 5, 8, 32_000, 4, 2), (nil, 5, 8, 6000, 2, 4),
            (nil, 5, 8, 100, 1, 8), (nil, 2, 16, 64_000, 2, 8), (3, 5, 2, 100, 3, 1),
            (9, 2, 4, 8000, 2, 2), (nil, 0, 4, 8000, 1, 4), (nil, 5, 1, nil, 1, 1),
        ] as [(Int?, Int, Int, Int?, Int, Int)]
    )
    func shares(wanted: Int?, disks: Int, cores: Int, memory: Int?, jobs: Int, each: Int) {
        let resources = Resources(
            wanted: wanted,
            disks: disks,
            memory: 2048,
            processors: cores,
            availableMemory: memory
        )
        #expect(resources.jobs == jobs)
        #expect(resources.processors == each)
    }

    @Test func thisHostHasMemory() throws {
        #expect(try #require(Resources.availableMemory()) > 0)
    }
}

@Suite struct JobPoolTests {
    @Test("every piece is done once, and results keep their order", arguments: [1, 2, 5, 50])
    func order(threads: Int) throws {
        let runs = Mutex([Int](repeating: 0, count: 20))
        let results = try JobPool.run(pieces: 20, threads: threads) { piece in
            runs.withLock { $0[piece] += 1 }
            return piece * piece
        }
        #expect(results == (0..<20).map { $0 * $0 })
        #expect(runs.withLock { $0.allSatisfy { $0 == 1 } })
    }

    @Test func piecesRunTogether() throws {
        // Each waits until both have begun: one thread alone would never end.
        let begun = Monitor(0)
        let results = try JobPool.run(pieces: 2, threads: 2) { piece in
            begun.update { $0 += 1 }
            return begun.wait { $0 == 2 ? piece : nil }
        }
        #expect(results == [0, 1])
        #expect(try JobPool.run(pieces: 0, threads: 3) { $0 } == [])
    }
}
