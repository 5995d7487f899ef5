import OSTree
import PackFormat

/// One pack laid out, cut into batches that can be filled in any order.
struct PackPlan: Sendable {
    struct Entry: Sendable {
        let record: PackEncoder.Record
        let content: PackSource.Item.Content
    }

    /// Neighbouring records that are filled and sent together, or a long one that is sent in pieces.
    struct Batch: Sendable {
        let entries: Range<Int>
        let byteCount: Int
        /// The one record's content, where it is sent in pieces.
        var long: (checksum: Checksum, info: FileInfo)?

        /// Bytes of it that are in memory at once.
        var memory: Int {
            long == nil ? byteCount : PackPlan.piecesOnTheWay * PackPlan.pieceLength
        }
    }

    /// Longest batch of more than one record, in bytes.
    static let batchLength = 1 << 20
    /// A file of more bytes is never in memory whole.
    static let longFile: UInt64 = 16 << 20
    static let pieceLength = 1 << 20
    static let piecesOnTheWay = 8

    let header: [UInt8]
    let trailer: [UInt8]
    let figures: PackHeader
    let entries: [Entry]
    let batches: [Batch]

    /// - Parameter present: what the receiver has; the commit and its detached metadata are sent in
    ///   any case.
    init(
        _ items: [PackSource.Item],
        without present: Set<PackInventory.Entry>
    ) throws(PackError) {
        var encoder = PackEncoder()
        var entries: [Entry] = []
        var batches: [Batch] = []
        var start = 0
        var length = 0
        func endBatch() {
            guard start < entries.count else { return }
            batches.append(Batch(entries: start..<entries.count, byteCount: length))
            start = entries.count
            length = 0
        }
        for item in items where item.isOfCommit || !present.contains(item.entry) {
            let record = try encoder.append(item.object)
            guard let count = Int(exactly: record.byteCount) else { throw .damaged("too long") }
            if count > Self.batchLength - length { endBatch() }
            entries.append(Entry(record: record, content: item.content))
            length += count
            if case .file(let checksum, let info) = item.content, info.size > Self.longFile {
                endBatch()
                batches[batches.count - 1].long = (checksum, info)
            }
        }
        endBatch()
        (header, trailer, figures) = try encoder.finish()
        self.entries = entries
        self.batches = batches
    }
}
