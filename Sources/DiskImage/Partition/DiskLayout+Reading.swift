extension DiskLayout {
    /// Bytes at the start of a disk in which a partition table is known.
    package static let headLength = 34 * 512

    /// Whether a disk has these partitions: kinds, places and marks are the same. Identifiers are
    /// another disk's own, and the root may have grown.
    /// - Parameter head: the first `headLength` bytes of the disk.
    package func isFound(in head: [UInt8]) -> Bool {
        guard head.count >= Self.headLength else { return false }
        let isGUIDTable = head[512..<520].elementsEqual("EFI PART".utf8)
        guard isGUIDTable == scheme.startsFromUEFI, let own = try? tableSectors(bootCode: [])
        else { return false }
        var expected = [UInt8](repeating: 0, count: Self.headLength)
        for piece in own where piece.offset + UInt64(piece.bytes.count) <= UInt64(Self.headLength) {
            expected.put(piece.bytes, at: Int(piece.offset))
        }
        // Of an entry: its bytes in all, those that say what it is and where it begins, its end.
        let (first, size, count) = isGUIDTable ? (1024, 128, 128) : (446, 16, 4)
        let (kept, end) =
            isGUIDTable
            ? ([0..<16, 32..<40, 48..<56], 40..<48) : ([0..<1, 4..<5, 8..<12], 12..<16)
        let root = partition(.root)?.number
        return (0..<count).allSatisfy { index in
            let start = first + index * size
            let fields = index + 1 == root ? kept : kept + [end]
            return fields.allSatisfy { field in
                let place = (start + field.lowerBound)..<(start + field.upperBound)
                return head[place] == expected[place]
            }
        }
    }
}
