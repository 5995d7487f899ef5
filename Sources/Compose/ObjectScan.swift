import OSTree
import Synchronization
import SystemIO
import SystemPackage

/// Reads what every file object says about its file, on several threads.
final class ObjectScan: Sendable {
    private let repository: Repository
    private let files: ChecksumTable
    private let state: Mutex<State>

    private struct State: Sendable {
        var next = 0
        var found: FileTable
        var failure: ComposeError?
    }

    private static let batch = 256

    init(repository: Repository, files: ChecksumTable) {
        self.repository = repository
        self.files = files
        state = Mutex(State(found: FileTable(count: files.count)))
    }

    /// In the order of `files`.
    func run(threads: Int) throws(ComposeError) -> FileTable {
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
        let (failure, found) = state.withLock { state in
            // Handed over, not copied.
            defer { state.found = FileTable(count: 0) }
            return (state.failure, state.found)
        }
        if let failure { throw failure }
        return found
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
                state.withLock { state in
                    for (index, info) in zip(batch, infos) { state.found.set(index, info) }
                }
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
