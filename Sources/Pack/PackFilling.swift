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
                let object = try repository.openFile(checksum)
                guard object.info == info else {
                    throw .library(
                        repository.path,
                        message: "object \(checksum).file changed while it was read"
                    )
                }
                try unsafe object.copyContent(into: content, verify: true)
            }
            unsafe next(entry.record.tail).initializeMemory(as: UInt8.self, repeating: 0)
        }
        buffer.count = offset
    }
}
