import OSTree
import Synchronization
import SystemIO
import SystemPackage

/// Reads what every file object says about its file, on several threads.
final class ObjectScan: Sendable {
    private let repository: Repository
    private let files: [Checksum]
    private let state = Mutex(State())

    private struct State: Sendable {
        var next = 0
        var found: [Int: [FileInfo]] = [:]
        var failure: ComposeError?
    }

    private static let batch = 256

    init(repository: Repository, files: [Checksum]) {
        self.repository = repository
        self.files = files
    }

    /// In the order of `files`.
    func run(threads: Int) throws(ComposeError) -> [FileInfo] {
        var running: [Thread] = []
        do throws(Errno) {
            for n in 1..<max(threads, 1) {
                running.append(try Thread(name: "scan-\(n)") { self.work() })
            }
        } catch {
            // One thread does it as well, only later.
        }
        work()
        for thread in running { thread.join() }
        let (failure, found) = state.withLock { ($0.failure, $0.found) }
        if let failure { throw failure }
        var infos: [FileInfo] = []
        infos.reserveCapacity(files.count)
        for start in stride(from: 0, to: files.count, by: Self.batch) {
            infos += found[start] ?? []
        }
        return infos
    }

    private func work() {
        while let batch = nextBatch() {
            do throws(ComposeError) {
                var infos: [FileInfo] = []
                for index in batch {
                    infos.append(
                        try reading { () throws(OSTreeError) in
                            try repository.fileInfo(files[index])
                        }
                    )
                }
                state.withLock { $0.found[batch.lowerBound] = infos }
            } catch {
                state.withLock { if $0.failure == nil { $0.failure = error } }
                return
            }
        }
    }

    private func nextBatch() -> Range<Int>? {
        state.withLock { state in
            guard state.failure == nil, state.next < files.count else { return nil }
            let start = state.next
            state.next = min(files.count, start + Self.batch)
            return start..<state.next
        }
    }
}
