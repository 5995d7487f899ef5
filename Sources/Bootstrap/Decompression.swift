internal import CCompression

/// Decompresses what kernels and modules are packed with. Whole buffers in memory: the largest is a
/// kernel of some 70 MB.
enum Decompression {
    struct Failure: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    /// More than any kernel or module, less than what would hurt a host.
    static let limit = 1 << 30

    /// By the first bytes; nil if they are none of these.
    enum Format: String, CaseIterable {
        case gzip, xz, zstd, lz4, lzma

        init?(_ bytes: ArraySlice<UInt8>) {
            guard let format = Format.allCases.first(where: { bytes.starts(with: $0.magic) }) else {
                return nil
            }
            self = format
        }

        var magic: [UInt8] {
            switch self {
            case .gzip: [0x1f, 0x8b]
            case .xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]
            case .zstd: [0x28, 0xb5, 0x2f, 0xfd]
            // The legacy frame: what the kernel's own makefile writes.
            case .lz4: [0x02, 0x21, 0x4c, 0x18]
            case .lzma: [0x5d, 0x00, 0x00]
            }
        }
    }

    /// The content of the stream at the start of `bytes`; what follows it is left alone.
    /// - Parameter expected: the size that it should have, a hint for the first allocation.
    static func decompress(
        _ bytes: ArraySlice<UInt8>,
        _ format: Format,
        expected: Int? = nil
    ) throws(Failure) -> [UInt8] {
        switch format {
        case .gzip: try inflate(bytes, expected: expected)
        case .xz, .lzma: try decodeLZMA(bytes, alone: format == .lzma, expected: expected)
        case .zstd: try decodeZstandard(bytes, expected: expected)
        case .lz4: try decodeLZ4(bytes)
        }
    }

    /// A buffer of `expected` bytes, or a guess of `bytes.count` times eight.
    private static func output(_ bytes: ArraySlice<UInt8>, _ expected: Int?) -> [UInt8] {
        let guess = max(4096, min(expected ?? bytes.count * 8, limit))
        return [UInt8](repeating: 0, count: guess)
    }

    private static func grow(_ output: inout [UInt8]) throws(Failure) {
        guard output.count < limit else { throw Failure("more than \(limit) bytes") }
        output += [UInt8](repeating: 0, count: min(output.count, limit - output.count))
    }

    // SAFETY, for the four below: each decoder is given the buffers' own bounds and only during the
    // call; positions come back within them.

    private static func inflate(
        _ bytes: ArraySlice<UInt8>,
        expected: Int?
    ) throws(Failure) -> [UInt8] {
        guard let decompressor = unsafe libdeflate_alloc_decompressor() else {
            throw Failure("no memory")
        }
        defer { unsafe libdeflate_free_decompressor(decompressor) }
        var output = output(bytes, expected)
        while true {
            var size = 0
            let result = unsafe bytes.withUnsafeBytes { input in
                unsafe output.withUnsafeMutableBytes { output in
                    unsafe libdeflate_gzip_decompress_ex(
                        decompressor,
                        input.baseAddress,
                        input.count,
                        output.baseAddress,
                        output.count,
                        nil,
                        &size
                    )
                }
            }
            switch result {
            case LIBDEFLATE_SUCCESS: return Array(output[..<size])
            case LIBDEFLATE_INSUFFICIENT_SPACE: try grow(&output)
            default: throw Failure("damaged gzip data")
            }
        }
    }

    private static func decodeLZMA(
        _ bytes: ArraySlice<UInt8>,
        alone: Bool,
        expected: Int?
    ) throws(Failure) -> [UInt8] {
        var stream = unsafe lzma_stream()
        let memory = UInt64(1) << 30
        let started =
            alone
            ? unsafe lzma_alone_decoder(&stream, memory)
            : unsafe lzma_stream_decoder(&stream, memory, 0)
        guard started == LZMA_OK else { throw Failure("no memory") }
        defer { unsafe lzma_end(&stream) }
        var output = output(bytes, expected)
        var read = 0
        var written = 0
        while true {
            let result = unsafe bytes.withUnsafeBytes { input in
                unsafe output.withUnsafeMutableBytes { output in
                    unsafe stream.next_in = input.baseAddress?.advanced(by: read)
                        .assumingMemoryBound(to: UInt8.self)
                    unsafe stream.avail_in = input.count - read
                    unsafe stream.next_out = output.baseAddress?.advanced(by: written)
                        .assumingMemoryBound(to: UInt8.self)
                    unsafe stream.avail_out = output.count - written
                    let result = unsafe lzma_code(&stream, LZMA_RUN)
                    unsafe read = input.count - stream.avail_in
                    unsafe written = output.count - stream.avail_out
                    return result
                }
            }
            switch result {
            case LZMA_STREAM_END: return Array(output[..<written])
            case LZMA_OK where written == output.count: try grow(&output)
            case LZMA_OK where read < bytes.count: continue
            default: throw Failure("damaged \(alone ? "lzma" : "xz") data (\(result.rawValue))")
            }
        }
    }

    private static func decodeZstandard(
        _ bytes: ArraySlice<UInt8>,
        expected: Int?
    ) throws(Failure) -> [UInt8] {
        guard let context = unsafe ZSTD_createDStream() else { throw Failure("no memory") }
        defer { unsafe ZSTD_freeDStream(context) }
        unsafe ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 30)
        var output = output(bytes, expected)
        var read = 0
        var written = 0
        while true {
            let before = (read, written)
            let result = unsafe bytes.withUnsafeBytes { input in
                unsafe output.withUnsafeMutableBytes { output in
                    var source = unsafe ZSTD_inBuffer(
                        src: input.baseAddress,
                        size: input.count,
                        pos: read
                    )
                    var sink = unsafe ZSTD_outBuffer(
                        dst: output.baseAddress,
                        size: output.count,
                        pos: written
                    )
                    let result = unsafe ZSTD_decompressStream(context, &sink, &source)
                    unsafe read = source.pos
                    unsafe written = sink.pos
                    return result
                }
            }
            if ZSTD_isError(result) != 0 { throw Failure("damaged zstd data") }
            if result == 0 { return Array(output[..<written]) }
            if written == output.count {
                try grow(&output)
            } else if before == (read, written) {
                throw Failure("zstd data ends early")
            }
        }
    }

    /// The legacy frame: blocks of a little-endian length and that much LZ4, 8 MiB each but the last.
    private static func decodeLZ4(_ bytes: ArraySlice<UInt8>) throws(Failure) -> [UInt8] {
        let blockSize = 8 << 20
        var rest = bytes.dropFirst(4)
        var output: [UInt8] = []
        var block = [UInt8](repeating: 0, count: blockSize)
        while rest.count > 4 {
            let length = Int(LittleEndian.u32(rest, at: 0))
            let data = rest.dropFirst(4).prefix(length)
            // What follows the last block is not one: the size that the kernel's makefile appends.
            guard length > 0, data.count == length else { break }
            let size = unsafe data.withUnsafeBytes { input in
                unsafe block.withUnsafeMutableBytes { output in
                    unsafe LZ4_decompress_safe(
                        input.baseAddress?.assumingMemoryBound(to: CChar.self),
                        output.baseAddress?.assumingMemoryBound(to: CChar.self),
                        CInt(clamping: input.count),
                        CInt(blockSize)
                    )
                }
            }
            guard size >= 0 else { throw Failure("damaged lz4 data") }
            guard output.count + Int(size) <= limit else {
                throw Failure("more than \(limit) bytes")
            }
            output += block[..<Int(size)]
            rest = rest.dropFirst(4 + length)
            if Int(size) < blockSize { break }
        }
        guard !output.isEmpty else { throw Failure("lz4 data ends early") }
        return output
    }
}
