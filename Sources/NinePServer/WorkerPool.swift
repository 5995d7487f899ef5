import CLinux
import Synchronization
import SystemIO
import SystemPackage

/// A few threads for requests that may take long, so that the carrier's thread goes on with others.
/// The threads start with the first job.
final class WorkerPool: Sendable {
    typealias Job = @Sendable () -> Void

    private let queue: JobQueue?
    private let threadCount: Int
    private let isStarted = Mutex(false)

    init(threads: Int = min(4, max(2, processorCount()))) {
        threadCount = threads
        queue = try? JobQueue()
    }

    deinit { queue?.stop(threads: threadCount) }

    /// Runs `job` on one of the threads; on the caller's where the system gives none.
    func run(_ job: @escaping Job) {
        guard let queue, start(queue) else { return job() }
        queue.add(job)
    }

    private func start(_ queue: JobQueue) -> Bool {
        isStarted.withLock { isStarted in
            if isStarted { return true }
            for index in 0..<threadCount {
                guard (try? Thread(name: "9p-worker-\(index)", { queue.work() })) != nil else {
                    // Those that did start suffice.
                    isStarted = index > 0
                    return isStarted
                }
            }
            isStarted = true
            return true
        }
    }
}

/// Jobs in order, and a semaphore that counts them.
private final class JobQueue: Sendable {
    private let jobs = Mutex<[WorkerPool.Job]>([])
    private let semaphore: OwnedFD

    init() throws(Errno) {
        let flags = CInt(EFD_CLOEXEC) | CInt(EFD_SEMAPHORE)
        semaphore = OwnedFD(try syscall { eventfd(0, flags) })
    }

    func add(_ job: @escaping WorkerPool.Job) {
        jobs.withLock { $0.append(job) }
        _ = eventfd_write(semaphore.rawValue, 1)
    }

    func stop(threads: Int) { _ = eventfd_write(semaphore.rawValue, eventfd_t(threads)) }

    /// A count without a job is the sign to end.
    func work() {
        while true {
            var value: eventfd_t = 0
            guard unsafe eventfd_read(semaphore.rawValue, &value) == 0 else { continue }
            guard let job = jobs.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else { return }
            job()
        }
    }
}
