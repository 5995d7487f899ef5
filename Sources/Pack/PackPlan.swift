import OSTree
import PackFormat

/// One pack laid out, cut into batches that can be filled in any order.
struct PackPlan: Sendable {
    struct Entry: Sendable {
        let record: PackEncoder.Record
        let content: PackSource.Item.Content
    }

    /// Neighbouring records that are filled and sent together.
    struct Batch: Sendable {
        let entries: Range<Int>
        let byteCount: Int
    }

    /// Longest batch of more than one record, in bytes.
    static let batchLength = 1 << 20

    let header: [UInt8]
    let trailer: [UInt8]
    let figures: PackHeader
    let entries: [Entry]
    let batches: [Batch]

    /// - Parameter present: what the receiver has; the commit and its detached metadata are sent in
    ///   any case.
    init(
        _ items: [PackSource.Item],
        without present: PackInventory
    ) throws(PackError) {
        let present = Set(present.entries)
        var encoder = PackEncoder()
        var entries: [Entry] = []
        var batches: [Batch] = []
        var start = 0
        var length = 0
        for item in items where item.isOfCommit || !present.contains(item.entry) {
            let record = try encoder.append(item.object)
            guard let count = Int(exactly: record.byteCount) else { throw .damaged("too long") }
            if length > 0 && count > Self.batchLength - length {
                batches.append(Batch(entries: start..<entries.count, byteCount: length))
                start = entries.count
                length = 0
            }
            entries.append(Entry(record: record, content: item.content))
            length += count
        }
        batches.append(Batch(entries: start..<entries.count, byteCount: length))
        (header, trailer, figures) = try encoder.finish()
        self.entries = entries
        self.batches = batches
    }
}
