import CLinux

extension DescriptorChain {
    /// The packet header at the start of the readable buffers, read once; nil where they are
    /// shorter than that.
    func header() -> VsockHeader? {
        guard readableCount >= VsockHeader.size else { return nil }
        var words = VsockHeader.Bytes(repeating: 0)
        var span = words.mutableSpan
        unsafe span.withUnsafeMutableBytes { target in
            var done = 0
            for index in unsafe readable.indices {
                let part = unsafe readable[index]
                let count = min(part.count, VsockHeader.size - done)
                guard count > 0, let source = part.baseAddress else { break }
                // SAFETY: `done + count` is at most 44 of the target's 48 bytes.
                unsafe clinux_copy_once(target.baseAddress! + done, source, count)
                done += count
            }
        }
        return VsockHeader(words)
    }

    /// Calls `body` with `count` bytes behind the header, piece by piece. The caller has checked
    /// that there are so many.
    func forEachPayloadPiece(count: Int, _ body: (UnsafeRawBufferPointer) -> Void) {
        var skipped = 0
        var remaining = count
        for index in unsafe readable.indices where remaining > 0 {
            let part = unsafe readable[index]
            let lead = min(part.count, VsockHeader.size - skipped)
            skipped += lead
            let length = min(part.count - lead, remaining)
            guard length > 0 else { continue }
            unsafe body(UnsafeRawBufferPointer(rebasing: part[lead..<lead + length]))
            remaining -= length
        }
    }

    /// Writes a header at the start of the writable buffers, which the caller has checked to hold
    /// it.
    func write(_ header: VsockHeader) {
        let words = header.bytes
        let span = words.span
        unsafe span.withUnsafeBytes { source in
            var done = 0
            for index in unsafe writable.indices {
                let part = unsafe writable[index]
                let count = min(part.count, VsockHeader.size - done)
                guard count > 0 else { break }
                unsafe part.copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: source[done..<done + count])
                )
                done += count
            }
        }
    }

    /// Calls `body` with the writable buffers behind a header, for `count` bytes in all, piece by
    /// piece.
    func forEachWritablePiece(count: Int, _ body: (UnsafeMutableRawBufferPointer) -> Void) {
        var skipped = 0
        var remaining = count
        for index in unsafe writable.indices where remaining > 0 {
            let part = unsafe writable[index]
            let lead = min(part.count, VsockHeader.size - skipped)
            skipped += lead
            let length = min(part.count - lead, remaining)
            guard length > 0 else { continue }
            unsafe body(UnsafeMutableRawBufferPointer(rebasing: part[lead..<lead + length]))
            remaining -= length
        }
    }
}
