import Synchronization
import SystemPackage

/// Does `body` for every index below `count`, in no particular order, on as many threads as there are
/// processors, and comes back when all are done. The caller's thread is one of them, and does all where
/// there can be no others.
package func concurrently(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let work = Work(count, body)
    var helpers: [Thread] = []
    for _ in 1..<max(1, min(processorCount(), count)) {
        guard let helper = try? Thread(name: "worker", { work.run() }) else { break }
        helpers.append(helper)
    }
    work.run()
    for helper in helpers { helper.join() }
}

private final class Work: Sendable {
    private let count: Int
    private let body: @Sendable (Int) -> Void
    private let next = Atomic(0)

    init(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        self.count = count
        self.body = body
    }

    func run() {
        while true {
            let index = next.add(1, ordering: .relaxed).oldValue
            if index >= count { return }
            body(index)
        }
    }
}
