import ByteStream
import OSTree
import PackFormat

extension PackPlan {
    /// Writes a batch's records, contents inflated in place and checked by SHA-256.
    func fill(
        _ batch: Batch,
        from repository: Repository,
        into buffer: MessageBuffer
    ) throws(OSTreeError) {
        var offset = 0
        // SAFETY: the buffer has room for the batch, whose length is the sum of its records'; each
        // range below is a part of it.
        let whole = unsafe buffer.whole
        func next(_ count: Int) -> UnsafeMutableRawBufferPointer {
            defer { offset += count }
            return unsafe UnsafeMutableRawBufferPointer(rebasing: whole[offset..<offset + count])
        }
        for entry in entries[batch.entries] {
            unsafe next(entry.record.head.count).copyBytes(from: entry.record.head)
            unsafe next(entry.record.padding).initializeMemory(as: UInt8.self, repeating: 0)
            let content = unsafe next(Int(entry.record.contentLength))
            switch entry.content {
            case .bytes(let bytes): unsafe content.copyBytes(from: bytes)
            case .file(let checksum, let info):
                let object = try Self.open(checksum, info, in: repository)
                try unsafe object.copyContent(into: content, verify: true)
            }
            unsafe next(entry.record.tail).initializeMemory(as: UInt8.self, repeating: 0)
        }
        buffer.count = offset
    }

    /// Gives out a long record in pieces. Its content is known to be sound only before the last one:
    /// on an error the pack has to end in the middle of the record.
    /// - Parameters:
    ///   - take: a buffer of a capacity in bytes; nil to stop.
    ///   - send: takes the filled buffer.
    func fillInPieces(
        _ batch: Batch,
        from repository: Repository,
        take: (Int) -> MessageBuffer?,
        send: (MessageBuffer) -> Void
    ) throws(OSTreeError) {
        guard let (checksum, info) = batch.long else { return }
        let record = entries[batch.entries.lowerBound].record
        guard let front = take(record.head.count + record.padding) else { return }
        front.append(record.head)
        front.appendZeros(record.padding)
        send(front)
        var reader = try ContentReader(try Self.open(checksum, info, in: repository), verify: true)
        var left = Int(clamping: info.size)
        while left > 0 {
            let count = min(left, Self.pieceLength)
            left -= count
            guard let piece = take(count + (left == 0 ? record.tail : 0)) else { return }
            do throws(OSTreeError) {
                try piece.append(count, from: &reader)
                // At the end the reader checks what it has read.
                if left == 0 { _ = try unsafe reader.read(into: .init(start: nil, count: 0)) }
            } catch {
                piece.recycle()
                throw error
            }
            if left == 0 { piece.appendZeros(record.tail) }
            send(piece)
        }
    }

    private static func open(
        _ checksum: Checksum,
        _ info: FileInfo,
        in repository: Repository
    ) throws(OSTreeError) -> FileObject {
        let object = try repository.openFile(checksum)
        guard object.info == info else {
            throw .libostree(
                repository.path,
                message: "object \(checksum).file changed while it was read"
            )
        }
        return object
    }
}

extension MessageBuffer {
    fileprivate func append(_ bytes: [UInt8]) {
        // SAFETY: slicing checks that there is room.
        unsafe whole[count..<count + bytes.count].copyBytes(from: bytes)
        count += bytes.count
    }

    fileprivate func appendZeros(_ number: Int) {
        // SAFETY: as above.
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: whole[count..<count + number])
        unsafe room.initializeMemory(as: UInt8.self, repeating: 0)
        count += number
    }

    fileprivate func append(
        _ number: Int,
        from reader: inout ContentReader
    ) throws(OSTreeError) {
        let end = count + number
        while count < end {
            // SAFETY: as above. The reader gives at least one byte before the content's end.
            let room = unsafe UnsafeMutableRawBufferPointer(rebasing: whole[count..<end])
            count += try unsafe reader.read(into: room)
        }
    }
}
