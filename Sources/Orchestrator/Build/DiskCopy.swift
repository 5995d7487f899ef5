import CLinux
import DiskImage
import Synchronization
import SystemIO
import SystemPackage

/// A disk that stands alone, made of an overlay and the disk below it. What is below does not change, so
/// that it is copied while the machine works; the overlay's clusters are added when it has ended.
final class DiskCopy: Sendable {
    private let path: FilePath
    private let merge: Qcow2Merge
    private let source: SharedFD
    private let target: SharedFD
    private let copied = Latch<Result<Void, Errno>>()
    private let isStopped = Atomic(false)

    /// At once so many bytes, between looks at whether it still matters.
    private static let step: UInt64 = 8 << 20

    /// Begins to copy `previous`; nil where that is not an image that can be taken apart here.
    init?(of previous: PreviousDisk, to path: FilePath) throws(BuildError) {
        guard previous.format == .qcow2 else { return nil }
        do throws(Errno) {
            source = SharedFD(try OwnedFD.open(previous.file, O_RDONLY))
        } catch {
            throw .system(error, "cannot read", previous.file)
        }
        do throws(Qcow2Problem) {
            merge = try Qcow2Merge(base: try Qcow2Map(file: source))
        } catch {
            return nil
        }
        self.path = path
        do throws(Errno) {
            target = SharedFD(try OwnedFD.open(path, O_RDWR | O_CREAT | O_TRUNC))
        } catch {
            throw .system(error, "cannot write", path)
        }
        try startWorker("copy") { [self] in
            yieldToOthers()
            copied.set(Result { () throws(Errno) in try copy(merge.copies, of: source) })
        }
    }

    /// Adds what the overlay holds. A machine may have it open, if it writes no more.
    /// - Returns: false where the overlay cannot be taken apart here.
    func finish(with overlay: FilePath) throws(BuildError) -> Bool {
        do throws(Errno) {
            try copied.wait().get()
            let file = SharedFD(try OwnedFD.open(overlay, O_RDONLY))
            let completion: Qcow2Merge.Completion
            do throws(Qcow2Problem) {
                completion = try merge.completion(overlay: try Qcow2Map(file: file))
            } catch {
                return false
            }
            try copy(completion.moves, of: target)
            try copy(completion.overlay, of: file)
            for piece in completion.metadata {
                try writeAll(target.rawValue, piece.bytes, at: Int64(clamping: piece.offset))
            }
            let size = off_t(clamping: completion.fileSize)
            try syscall { ftruncate(target.rawValue, size) }
            return true
        } catch {
            throw .system(error, "cannot write", path)
        }
    }

    /// Nothing is written any more once this has returned.
    func stop() {
        isStopped.store(true, ordering: .relaxed)
        _ = copied.wait()
    }

    private func copy(_ pieces: [Qcow2Merge.Piece], of file: SharedFD) throws(Errno) {
        for piece in pieces {
            var done: UInt64 = 0
            while done < piece.count {
                if isStopped.load(ordering: .relaxed) { throw .canceled }
                let count = min(Self.step, piece.count - done)
                try copyAll(
                    file,
                    from: piece.source + done,
                    to: target.rawValue,
                    at: piece.target + done,
                    count: count
                )
                done += count
            }
        }
    }
}

extension Qcow2Map {
    init(file: SharedFD) throws(Qcow2Problem) {
        try self.init { offset, count throws(Qcow2Problem) in
            do throws(Errno) {
                return try file.read(count: count, at: Int64(clamping: offset))
            } catch {
                throw .unreadable(errno: error.rawValue)
            }
        }
    }
}
