import DiskImage
import OSTree
import Synchronization
import SystemIO
import SystemPackage

/// Reads every file object once, checks it, and writes it wherever it belongs: several threads, each
/// taking the next object, since every place is known beforehand.
final class ContentWriter: Sendable {
    /// One place for contents: a file of a file system that begins at `base` on the disk.
    struct Target: Sendable {
        var fileSystem: Int
        var node: FileTree.NodeID
    }

    private let repository: Repository
    private let tree: CommitTree
    /// With the offset on the disk.
    private let fileSystems: [(system: Ext4FileSystem, base: UInt64)]
    /// By object; most have one place.
    private let targets: [[Target]]
    private let order: [Int]
    private let image: ImageFile
    private let progress: @Sendable (ComposeProgress) -> Void
    private let total: ComposeProgress
    private let state = Mutex(State())

    private struct State: Sendable {
        var next = 0
        var done = ComposeProgress(objects: 0, totalObjects: 0, bytes: 0, totalBytes: 0)
        var failure: ComposeError?
        var written: [UInt64] = []
    }

    init(
        repository: Repository,
        tree: CommitTree,
        fileSystems: [(system: Ext4FileSystem, base: UInt64, copies: [PartitionTree.Copy])],
        image: ImageFile,
        progress: @escaping @Sendable (ComposeProgress) -> Void
    ) {
        self.repository = repository
        self.tree = tree
        self.fileSystems = fileSystems.map { ($0.system, $0.base) }
        self.image = image
        self.progress = progress
        var targets = [[Target]](repeating: [], count: tree.files.count)
        for (i, partition) in fileSystems.enumerated() {
            for copy in partition.copies {
                targets[copy.object].append(Target(fileSystem: i, node: copy.node))
            }
        }
        self.targets = targets
        // The large ones first, so that none is left to one thread at the end; the others in the
        // order of the disk. Links and empty files have no place, and are checked like all others.
        let large = tree.infos.indices.filter { tree.infos[$0].size >= Self.largeFile }
            .sorted { tree.infos[$0].size > tree.infos[$1].size }
        order = large + tree.infos.indices.filter { tree.infos[$0].size < Self.largeFile }
        total = ComposeProgress(
            objects: 0,
            totalObjects: tree.files.count,
            bytes: 0,
            totalBytes: tree.infos.reduce(0) { $0 + $1.size }
        )
    }

    private static let largeFile: UInt64 = 4 << 20
    /// Larger ones are not held whole.
    private static let wholeFile: UInt64 = 16 << 20
    private static let pieceOfFile = 1 << 20
    /// Objects that a thread takes at once.
    private static let batch = 16

    /// Writes everything; `first` runs on one of the threads before it takes objects.
    /// - Returns: the clusters with data, over all threads.
    func run(
        threads: Int,
        first: @escaping @Sendable (inout ImageWriter) throws(ComposeError) -> Void
    ) throws(ComposeError) -> [UInt64] {
        var running: [Thread] = []
        do throws(Errno) {
            for n in 1..<max(threads, 1) {
                running.append(try Thread(name: "compose-\(n)") { self.work(first: nil) })
            }
        } catch {
            state.withLock { $0.failure = .output(image.path, error) }
        }
        work(first: first)
        for thread in running { thread.join() }
        let (failure, written) = state.withLock { ($0.failure, $0.written) }
        if let failure { throw failure }
        return written
    }

    private func work(first: ((inout ImageWriter) throws(ComposeError) -> Void)?) {
        var writer = ImageWriter(image)
        var buffer = ContentBuffer()
        do throws(ComposeError) {
            try first?(&writer)
            while let batch = nextBatch() {
                var bytes: UInt64 = 0
                for index in batch { bytes += try write(order[index], &writer, &buffer) }
                report(objects: batch.count, bytes: bytes)
            }
        } catch {
            state.withLock { if $0.failure == nil { $0.failure = error } }
        }
        state.withLock { state in
            if state.written.isEmpty {
                state.written = writer.written
            } else {
                for i in state.written.indices { state.written[i] |= writer.written[i] }
            }
        }
    }

    private func nextBatch() -> Range<Int>? {
        state.withLock { state in
            guard state.failure == nil, state.next < order.count else { return nil }
            // A large file is a batch of its own.
            let isLarge = tree.infos[order[state.next]].size >= Self.largeFile
            let end = min(order.count, state.next + (isLarge ? 1 : Self.batch))
            defer { state.next = end }
            return state.next..<end
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

    private func write(
        _ index: Int,
        _ writer: inout ImageWriter,
        _ buffer: inout ContentBuffer
    ) throws(ComposeError) -> UInt64 {
        let object = try reading { () throws(OSTreeError) in
            try repository.openFile(tree.files[index])
        }
        if object.info.size > Self.wholeFile {
            try stream(object, to: targets[index], &writer, &buffer)
            return object.info.size
        }
        let bytes = unsafe buffer.bytes(count: Int(clamping: object.info.size))
        try reading { () throws(OSTreeError) in
            try unsafe object.copyContent(into: bytes, verify: true)
        }
        try unsafe place(UnsafeRawBufferPointer(bytes), at: 0, in: targets[index], &writer)
        return object.info.size
    }

    /// A file that is not to be held whole. It is only known to be sound when all of it is written;
    /// then a corrupt one fails the disk as well.
    private func stream(
        _ object: FileObject,
        to targets: [Target],
        _ writer: inout ImageWriter,
        _ buffer: inout ContentBuffer
    ) throws(ComposeError) {
        var reader = try reading { () throws(OSTreeError) in
            try ContentReader(object, verify: true)
        }
        let bytes = unsafe buffer.bytes(count: Self.pieceOfFile)
        var position: UInt64 = 0
        while true {
            let count = try reading { () throws(OSTreeError) in
                try unsafe reader.read(into: bytes)
            }
            if count == 0 { return }
            let piece = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<count])
            try unsafe place(piece, at: position, in: targets, &writer)
            position += UInt64(count)
        }
    }

    /// Writes a piece of a file's contents wherever the file is.
    private func place(
        _ bytes: UnsafeRawBufferPointer,
        at position: UInt64,
        in targets: [Target],
        _ writer: inout ImageWriter
    ) throws(ComposeError) {
        let wanted = position..<(position + UInt64(bytes.count))
        for target in targets {
            let (system, base) = fileSystems[target.fileSystem]
            for run in system.dataRuns(of: target.node) {
                let part = wanted.clamped(to: run.fileOffset..<(run.fileOffset + run.length))
                guard !part.isEmpty else { continue }
                let start = Int(clamping: part.lowerBound - position)
                let piece = unsafe bytes[start..<(start + part.count)]
                try unsafe writer.write(
                    UnsafeRawBufferPointer(rebasing: piece),
                    at: base + run.offset + part.lowerBound - run.fileOffset
                )
            }
        }
    }
}

/// Memory for one object's contents, kept from one to the next.
@safe struct ContentBuffer: ~Copyable {
    private var storage = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)

    /// Beyond this a buffer is given back at the next use.
    private static let kept = 8 << 20

    /// Memory of exactly `count` bytes, valid until the next call.
    mutating func bytes(count: Int) -> UnsafeMutableRawBufferPointer {
        let fits = unsafe storage.count >= count
        let isLarge = unsafe storage.count > Self.kept && count <= Self.kept
        if !fits || isLarge {
            unsafe storage.deallocate()
            let size = count <= Self.kept ? max(count, 1 << 20) : count
            unsafe storage = .allocate(byteCount: size, alignment: 4096)
        }
        return unsafe UnsafeMutableRawBufferPointer(rebasing: storage[..<count])
    }

    deinit { unsafe storage.deallocate() }
}
