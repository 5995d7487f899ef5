import CLinux
import DiskImage
import Synchronization
import SystemIO
import SystemPackage

/// The image being written: translates the disk's offsets, and leaves zeros out.
///
/// Several threads write at once, each through an `ImageWriter` of its own.
final class ImageFile: Sendable {
    let path: FilePath
    private let file: OwnedFD
    let qcow2: Qcow2Layout?
    /// Bytes of the file.
    let size: UInt64

    init(
        _ path: FilePath,
        format: ComposePlan.Format,
        diskSize: UInt64,
        ranges: [Range<UInt64>]
    ) throws(ComposeError) {
        self.path = path
        qcow2 = format == .qcow2 ? Qcow2Layout(virtualSize: diskSize, ranges: ranges) : nil
        size = qcow2?.fileSize ?? diskSize
        do throws(Errno) {
            let descriptor = try OwnedFD.open(path, O_RDWR | O_CREAT | O_TRUNC)
            let raw = descriptor.rawValue
            let length = Int(clamping: size)
            try syscall { ftruncate(raw, length) }
            file = descriptor
        } catch {
            throw .output(path, error)
        }
        if let qcow2 { try write(qcow2.head) }
    }

    /// Writes at an offset of the file itself.
    func write(_ bytes: UnsafeRawBufferPointer, fileOffset: UInt64) throws(ComposeError) {
        var done = 0
        do throws(Errno) {
            while done < bytes.count {
                // SAFETY: reads the rest of `bytes`, during the call.
                done += try syscall {
                    unsafe pwrite(
                        file.rawValue,
                        bytes.baseAddress?.advanced(by: done),
                        bytes.count - done,
                        Int(clamping: fileOffset) + done
                    )
                }
            }
        } catch {
            throw .output(path, error)
        }
    }

    /// Reads bytes of the file itself; all of them must be inside it.
    func read(
        into buffer: UnsafeMutableRawBufferPointer,
        fileOffset: UInt64
    ) throws(ComposeError) {
        do throws(Errno) {
            var done = 0
            while done < buffer.count {
                // SAFETY: writes into the rest of `buffer`, during the call.
                let count = try syscall {
                    unsafe pread(
                        file.rawValue,
                        buffer.baseAddress?.advanced(by: done),
                        buffer.count - done,
                        Int(clamping: fileOffset) + done
                    )
                }
                guard count > 0 else { throw Errno.ioError }
                done += count
            }
        } catch {
            throw .output(path, error)
        }
    }

    /// Whether a try of `copy` has shown that the kernel cannot copy from the repository's file system.
    private let refusesCopies = Atomic(false)

    /// Has the kernel copy bytes of `source`.
    /// - Returns: false where it cannot; then any of the bytes may have been copied.
    func copy(
        _ source: SharedFD,
        from offset: UInt64,
        count: UInt64,
        fileOffset: UInt64
    ) throws(ComposeError) -> Bool {
        if refusesCopies.load(ordering: .relaxed) { return false }
        var done: UInt64 = 0
        do throws(Errno) {
            while done < count {
                let copied = try copySome(
                    source.rawValue,
                    from: offset + done,
                    to: file.rawValue,
                    at: fileOffset + done,
                    count: count - done
                )
                if copied == 0 { return false }
                done += copied
            }
            return true
        } catch .noSpace {
            throw .output(path, .noSpace)
        } catch {
            refusesCopies.store(true, ordering: .relaxed)
            return false
        }
    }

    /// For a range that nothing will change any more.
    func startFlushing(_ range: Range<UInt64>) {
        SystemIO.startFlushing(file.rawValue, range)
    }

    /// Where in the file the data ends, and tables begin that depend on it.
    var dataEnd: UInt64 { qcow2?.dataEnd ?? size }

    /// Where a byte of the disk lies in the file; its end for what is nowhere.
    func fileOffset(ofDisk offset: UInt64) -> UInt64 {
        guard let qcow2 else { return offset }
        return qcow2.place(of: offset)?.offset ?? size
    }

    /// Writes the tables of a qcow2 image.
    func finish(written: [UInt64]) throws(ComposeError) {
        guard let qcow2 else { return }
        let pieces = qcow2.metadata { written[Int($0 / 64)] & 1 << ($0 % 64) != 0 }
        for piece in pieces { try write(piece) }
    }

    private func write(_ piece: DiskWrite) throws(ComposeError) {
        // SAFETY: the array's own bytes, during the call.
        let result = unsafe piece.bytes.withUnsafeBytes { buffer in
            Result { () throws(ComposeError) in
                try unsafe write(buffer, fileOffset: piece.offset)
            }
        }
        try result.get()
    }
}

/// One thread's way to the image.
struct ImageWriter: DiskOutput {
    let image: ImageFile
    /// A bit for each cluster of a qcow2 image that holds anything but zeros.
    private(set) var written: [UInt64]

    init(_ image: ImageFile) {
        self.image = image
        written = [UInt64](repeating: 0, count: Int((image.qcow2?.dataClusters ?? 0) / 64 + 1))
    }

    mutating func write(_ bytes: [UInt8], at offset: UInt64) throws(ComposeError) {
        // SAFETY: the array's own bytes, during the call.
        let result = unsafe bytes.withUnsafeBytes { buffer -> Result<Void, ComposeError> in
            do throws(ComposeError) {
                return .success(try unsafe write(buffer, at: offset))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    /// Writes at an offset of the disk.
    mutating func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(ComposeError) {
        var done = 0
        while done < bytes.count {
            let place = try place(of: offset + UInt64(done), count: bytes.count - done)
            let length = Int(clamping: place.contiguous)
            let piece = unsafe UnsafeRawBufferPointer(rebasing: bytes[done..<(done + length)])
            try unsafe writeRun(piece, place)
            done += length
        }
    }

    /// Where a byte of the disk lies in the file, and how many of `count` from there on lie together.
    private func place(of offset: UInt64, count: Int) throws(ComposeError) -> Qcow2Layout.Place {
        let all = Qcow2Layout.Place(offset: offset, contiguous: UInt64(count), cluster: 0)
        guard let qcow2 = image.qcow2 else { return all }
        guard var found = qcow2.place(of: offset) else {
            throw .output(image.path, .invalidArgument)
        }
        found.contiguous = min(found.contiguous, UInt64(count))
        return found
    }

    /// Has the kernel copy bytes of `source` to an offset of the disk, and reads what is there then.
    /// - Parameter offset: in `source`.
    /// - Returns: false where the kernel cannot copy: they are to be written.
    mutating func copy(
        _ source: SharedFD,
        from offset: UInt64,
        to target: UInt64,
        readingInto bytes: UnsafeMutableRawBufferPointer
    ) throws(ComposeError) -> Bool {
        var done = 0
        while done < bytes.count {
            let place = try place(of: target + UInt64(done), count: bytes.count - done)
            let length = Int(clamping: place.contiguous)
            guard
                try image.copy(
                    source,
                    from: offset + UInt64(done),
                    count: UInt64(length),
                    fileOffset: place.offset
                )
            else { return false }
            let piece = unsafe UnsafeMutableRawBufferPointer(
                rebasing: bytes[done..<(done + length)]
            )
            try unsafe image.read(into: piece, fileOffset: place.offset)
            try unsafe writeRun(UnsafeRawBufferPointer(piece), place, isThere: true)
            done += length
        }
        return true
    }

    /// Bytes that lie together in the file, in one call but for clusters of zeros.
    /// - Parameter isThere: the file has them already; it is only noted which clusters are in use.
    private mutating func writeRun(
        _ bytes: UnsafeRawBufferPointer,
        _ place: Qcow2Layout.Place,
        isThere: Bool = false
    ) throws(ComposeError) {
        let cluster = Int(Qcow2Layout.clusterSize)
        var at = 0
        var start = 0
        var index = place.cluster
        while at < bytes.count {
            let inside = Int(place.offset % UInt64(cluster)) + at
            let end = min(bytes.count, at + cluster - inside % cluster)
            if unsafe isZero(UnsafeRawBufferPointer(rebasing: bytes[at..<end])) {
                if !isThere { try unsafe flush(bytes, start..<at, place) }
                start = end
            } else {
                written[Int(index / 64)] |= 1 << (index % 64)
            }
            if image.qcow2 != nil { index += 1 }
            at = end
        }
        if !isThere { try unsafe flush(bytes, start..<bytes.count, place) }
    }

    private func flush(
        _ bytes: UnsafeRawBufferPointer,
        _ range: Range<Int>,
        _ place: Qcow2Layout.Place
    ) throws(ComposeError) {
        guard !range.isEmpty else { return }
        try unsafe image.write(
            UnsafeRawBufferPointer(rebasing: bytes[range]),
            fileOffset: place.offset + UInt64(range.lowerBound)
        )
    }

    /// Whether there are only zeros: the first is one, and each equals the one before it.
    private func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress, let first = unsafe bytes.first, first == 0 else {
            return unsafe bytes.isEmpty
        }
        // SAFETY: both ranges are inside `bytes`.
        return unsafe memcmp(base, base.advanced(by: 1), bytes.count - 1) == 0
    }
}
