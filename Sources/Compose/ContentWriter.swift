import DiskImage
import OSTree
import Synchronization
import SystemIO
import SystemPackage

/// Reads every object once, checks it, and writes it wherever it belongs: several threads, each taking
/// the next objects, since every place is known beforehand.
///
/// The objects come in the order in which they lie on the disk, so that the image grows from its start,
/// and its checksum can follow close behind.
final class ContentWriter: Sendable {
    private let repository: Repository
    private let tree: CommitTree
    private let places: ContentPlaces
    private let order: [UInt32]
    private let image: ImageFile
    private let digest: ImageDigest
    private let progress: @Sendable (ComposeProgress) -> Void
    private let total: ComposeProgress
    private let room = RoomForOne()
    private let state: Mutex<State>

    private struct State: Sendable {
        /// In `order`.
        var next = 0
        /// By thread: where in `order` the objects begin that it is at; nil when it is at none.
        var active: [Int?]
        /// Everything but the objects' contents is written.
        var isRestWritten = false
        var done = ComposeProgress(objects: 0, totalObjects: 0, bytes: 0, totalBytes: 0)
        var failure: ComposeError?
        var written: [UInt64] = []
    }

    /// - Parameter order: object numbers, as the contents lie on the disk.
    init(
        repository: Repository,
        tree: CommitTree,
        order: [UInt32],
        places: ContentPlaces,
        image: ImageFile,
        threads: Int,
        progress: @escaping @Sendable (ComposeProgress) -> Void
    ) {
        self.repository = repository
        self.tree = tree
        self.order = order
        self.places = places
        self.image = image
        self.progress = progress
        digest = ImageDigest(image)
        state = Mutex(State(active: [Int?](repeating: nil, count: max(threads, 1))))
        total = ComposeProgress(
            objects: 0,
            totalObjects: tree.objectCount,
            bytes: 0,
            totalBytes: (0..<tree.objectCount).reduce(0) { $0 + tree.size(ofObject: $1) }
        )
    }

    /// What is at least so large is one thread's only object.
    static let largeFile: UInt64 = 4 << 20
    /// What a thread takes at once: so many objects, or so many bytes and the object that exceeds them.
    private static let batch = (objects: 256, bytes: UInt64(1 << 20))

    /// Writes everything; `rest` is what is no object's content, and is written by one of the threads
    /// before it takes objects.
    /// - Returns: SHA-256 of the image.
    func run(
        rest: @escaping @Sendable (inout ImageWriter) throws(ComposeError) -> Void
    ) throws(ComposeError) -> Checksum {
        var running: [Thread] = []
        let threads = state.withLock { $0.active.count }
        do throws(Errno) {
            for n in 1..<threads {
                running.append(try Thread(name: "compose-\(n)") { self.work(n, rest: nil) })
            }
        } catch {
            // Those that there are do it as well, only later.
        }
        work(0, rest: rest)
        for thread in running { thread.join() }
        let (failure, written) = state.withLock { ($0.failure, $0.written) }
        if let failure { throw failure }
        try image.finish(written: written)
        return try digest.finish()
    }

    private func work(
        _ thread: Int,
        rest: ((inout ImageWriter) throws(ComposeError) -> Void)?
    ) {
        var writer = ObjectWriter(
            repository: repository,
            tree: tree,
            places: places,
            image: image,
            room: room
        )
        do throws(ComposeError) {
            if let rest {
                try rest(&writer.image)
                state.withLock { $0.isRestWritten = true }
            }
            while let batch = nextBatch(thread) {
                let bytes = try writer.write(order[batch])
                report(objects: batch.count, bytes: bytes)
                try digest.advance(to: finishBatch(thread))
            }
        } catch {
            state.withLock { if $0.failure == nil { $0.failure = error } }
        }
        state.withLock { state in
            let written = writer.image.written
            if state.written.isEmpty {
                state.written = written
            } else {
                for i in state.written.indices { state.written[i] |= written[i] }
            }
        }
    }

    private func nextBatch(_ thread: Int) -> Range<Int>? {
        state.withLock { state in
            guard state.failure == nil, state.next < order.count else { return nil }
            let start = state.next
            var bytes: UInt64 = 0
            while state.next < min(order.count, start + Self.batch.objects),
                bytes < Self.batch.bytes
            {
                bytes += tree.size(ofObject: Int(order[state.next]))
                state.next += 1
            }
            state.active[thread] = start
            return start..<state.next
        }
    }

    /// How much of the image will not change any more, in bytes from its start.
    private func finishBatch(_ thread: Int) -> UInt64 {
        state.withLock { state in
            state.active[thread] = nil
            guard state.isRestWritten else { return 0 }
            let pending = state.active.reduce(state.next) { min($0, $1 ?? .max) }
            return places.lowestOffset(from: pending)
        }
    }

    private func report(objects: Int, bytes: UInt64) {
        let now = state.withLock { state in
            state.done.objects += objects
            state.done.bytes += bytes
            return state.done
        }
        var report = total
        report.objects = now.objects
        report.bytes = now.bytes
        progress(report)
    }
}
