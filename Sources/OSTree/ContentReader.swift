internal import CCompression
internal import SystemIO
internal import SystemPackage

/// Reads the content of one file object piece by piece, for files too large to hold: half as fast
/// as `FileObject.copyContent`, which wants room for all of it.
@safe package struct ContentReader: ~Copyable {
    private let object: FileObject
    private let hasher: SHA256?
    /// Bytes given out so far.
    private var position: UInt64 = 0
    private let source: Source

    private enum Source {
        case nothing
        case plain(SharedFD)
        case deflated(Inflater)
    }

    /// - Parameter verify: whether the last read checks header and content against the object's name.
    package init(_ object: FileObject, verify: Bool) throws(OSTreeError) {
        self.object = object
        hasher = verify ? SHA256() : nil
        hasher?.update(object.checksummedHeader)
        switch object.storage {
        case .symlink: source = .nothing
        case .plain(let file): source = .plain(file)
        case .deflated(let stream): source = .deflated(try Inflater(stream, of: object))
        }
    }

    /// Fills `buffer` from its start with the next bytes; 0 means that all were read and, if wanted,
    /// checked.
    package mutating func read(
        into buffer: UnsafeMutableRawBufferPointer
    ) throws(OSTreeError) -> Int {
        let left = object.info.size - position
        if left == 0 {
            try finish()
            return 0
        }
        let room = unsafe UnsafeMutableRawBufferPointer(
            rebasing: buffer[..<min(buffer.count, Int(clamping: left))]
        )
        let count: Int
        switch source {
        case .nothing: count = 0
        case .plain(let file): count = try unsafe readPlain(file, into: room)
        case .deflated(let inflater): count = try unsafe inflater.read(into: room, of: object)
        }
        guard count > 0 else {
            throw object.store.corrupt(
                object.name,
                "it ends after \(position) of \(object.info.size) bytes"
            )
        }
        unsafe hasher?.update(UnsafeRawBufferPointer(rebasing: room[..<count]))
        position += UInt64(count)
        return count
    }

    private func readPlain(
        _ file: SharedFD,
        into buffer: UnsafeMutableRawBufferPointer
    ) throws(OSTreeError) -> Int {
        do throws(Errno) {
            return try unsafe file.read(into: buffer, at: Int64(clamping: position))
        } catch {
            throw .objectUnreadable(object.name, file: object.store.file(of: object.name), error)
        }
    }

    private func finish() throws(OSTreeError) {
        guard let hasher else { return }
        let actual = hasher.finish()
        guard actual == object.checksum else {
            throw object.store.corrupt(
                object.name,
                "metadata and content have checksum \(actual)"
            )
        }
    }
}

/// A raw deflate stream read with zlib.
@safe private final class Inflater {
    // SAFETY: made in init, freed in deinit; zlib keeps a pointer to it, so it must not move.
    private let stream: UnsafeMutablePointer<z_stream>
    /// What the stream's input points into.
    private let mapping: FileMapping?
    private let head: UnsafeMutableBufferPointer<UInt8>
    /// Bytes of input that zlib has not been told of: it counts in 32 bits.
    private var left: Int

    init(_ deflated: FileObject.Storage.Deflated, of object: FileObject) throws(OSTreeError) {
        do throws(Errno) {
            mapping = try deflated.file.map { file throws(Errno) in
                try FileMapping(file.rawValue, count: deflated.storedSize)
            }
        } catch {
            throw .objectUnreadable(object.name, file: object.store.file(of: object.name), error)
        }
        unsafe head = .allocate(capacity: mapping == nil ? deflated.head.count : 0)
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        _ = unsafe head.initialize(from: deflated.head.prefix(head.count))
        let input = unsafe mapping?.bytes ?? UnsafeRawBufferPointer(head)
        // SAFETY: zlib does not write to its input; the mapping or `head` outlives the stream.
        unsafe stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.advanced(by: deflated.offset)
                .assumingMemoryBound(to: UInt8.self)
        )
        left = input.count - deflated.offset
        // Negative window bits: no header, no trailer.
        let size = unsafe CInt(MemoryLayout<z_stream>.size)
        guard unsafe inflateInit2_(stream, -MAX_WBITS, ZLIB_VERSION, size) == Z_OK else {
            throw object.store.corrupt(object.name, "zlib cannot start")
        }
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer,
        of object: FileObject
    ) throws(OSTreeError) -> Int {
        let room = min(buffer.count, Int(Int32.max))
        // SAFETY: zlib writes at most `avail_out` bytes, during the calls.
        unsafe stream.pointee.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe stream.pointee.avail_out = UInt32(room)
        while true {
            if unsafe stream.pointee.avail_in == 0 {
                let more = min(left, Int(Int32.max))
                unsafe stream.pointee.avail_in = UInt32(more)
                left -= more
            }
            let code = unsafe CCompression.inflate(stream, Z_NO_FLUSH)
            guard code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR else {
                throw object.store.corrupt(object.name, "its compressed content is damaged")
            }
            let count = unsafe room - Int(stream.pointee.avail_out)
            if count > 0 || code == Z_STREAM_END || left == 0 { return count }
        }
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
        unsafe head.deallocate()
    }
}
