import CLinux
import DiskImage
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

    /// Lets the kernel begin to send a part of the file to the disk, so that less is left for the
    /// final flush, which is the one that counts: a failure here is none.
    func startFlushing(_ range: Range<UInt64>) {
        let start = Int(clamping: range.lowerBound)
        _ = sync_file_range(file.rawValue, start, range.count, UInt32(SYNC_FILE_RANGE_WRITE))
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
            var place = Qcow2Layout.Place(
                offset: offset + UInt64(done),
                contiguous: UInt64(bytes.count - done),
                cluster: 0
            )
            if let qcow2 = image.qcow2 {
                guard let found = qcow2.place(of: offset + UInt64(done)) else {
                    throw .output(image.path, .invalidArgument)
                }
                place = found
            }
            let length = min(bytes.count - done, Int(clamping: place.contiguous))
            let piece = unsafe UnsafeRawBufferPointer(rebasing: bytes[done..<(done + length)])
            try unsafe writeRun(piece, place)
            done += length
        }
    }

    /// Bytes that lie together in the file, in one call but for clusters of zeros.
    private mutating func writeRun(
        _ bytes: UnsafeRawBufferPointer,
        _ place: Qcow2Layout.Place
    ) throws(ComposeError) {
        let cluster = Int(Qcow2Layout.clusterSize)
        var at = 0
        var start = 0
        var index = place.cluster
        while at < bytes.count {
            let inside = Int(place.offset % UInt64(cluster)) + at
            let end = min(bytes.count, at + cluster - inside % cluster)
            if unsafe isZero(UnsafeRawBufferPointer(rebasing: bytes[at..<end])) {
                try unsafe flush(bytes, start..<at, place)
                start = end
            } else {
                written[Int(index / 64)] |= 1 << (index % 64)
            }
            if image.qcow2 != nil { index += 1 }
            at = end
        }
        try unsafe flush(bytes, start..<bytes.count, place)
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
