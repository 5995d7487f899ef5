import Synchronization
import SystemIO

/// Runs work on a number of threads; each takes the next piece as soon as it is done with one.
enum JobPool {
    /// - Returns: one result for each piece, in order.
    static func run<Value: Sendable>(
        pieces: Int,
        threads: Int,
        _ body: @escaping @Sendable (Int) -> Value
    ) throws(BuildError) -> [Value] {
        // One job needs no thread: a failure to make one is then no failure of the build.
        if threads <= 1 || pieces <= 1 { return (0..<pieces).map(body) }
        let next = Counter()
        let results = Monitor([Value?](repeating: nil, count: pieces))
        let work: @Sendable () -> Void = {
            while true {
                let piece = next.take()
                guard piece < pieces else { return }
                let value = body(piece)
                results.update { $0[piece] = value }
            }
        }
        try startWorker("job-0", work)
        // With fewer threads it takes longer, no more.
        for index in 1..<min(threads, pieces) { try? startWorker("job-\(index)", work) }
        return results.wait { values in
            let done = values.compactMap(\.self)
            return done.count == pieces ? done : nil
        }
    }
}

/// Hands out numbers from 0 on, each once.
private final class Counter: Sendable {
    private let next = Atomic(0)

    func take() -> Int { next.wrappingAdd(1, ordering: .relaxed).oldValue }
}
