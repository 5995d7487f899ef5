import Checksums

/// Where a run of a file's blocks lies. All in blocks.
struct Extent: Equatable, Sendable {
    var logical: UInt64
    var physical: UInt64
    var length: UInt64
}

/// The extents of one file as stored: up to four in the inode, else a tree of blocks under it
/// (Documentation/filesystems/ext4/ifork.rst in the kernel's tree).
struct ExtentTree {
    private let extents: [Extent]
    static let inInode = 4
    private static let perBlock = (Ext4Geometry.blockSize - 12 - 4) / 12
    /// An extent is at most this long.
    static let longest: UInt64 = 32_768

    init(_ extents: [Extent]) { self.extents = extents }

    /// How many blocks the tree has beside the inode.
    static func blockCount(extents: Int) -> Int {
        var level = extents
        var total = 0
        while level > inInode {
            level = level.dividedRoundingUp(by: perBlock)
            total += level
        }
        return total
    }

    /// The 60 bytes in the inode, and the tree's blocks.
    /// - Parameters:
    ///   - blocks: the numbers given to them, `blockCount` of them.
    ///   - seed: carried on from UUID, inode and generation; nil without checksums.
    func encode(blocks: [UInt64], seed: CRC32C?) -> (inode: [UInt8], blocks: [(UInt64, [UInt8])]) {
        var level: [[UInt8]] = extents.map(Self.leafEntry)
        var starts = extents.map(\.logical)
        var depth: UInt16 = 0
        var written: [(UInt64, [UInt8])] = []
        var free = blocks[...]
        while level.count > Self.inInode {
            var above: [[UInt8]] = []
            var aboveStarts: [UInt64] = []
            for start in stride(from: 0, to: level.count, by: Self.perBlock) {
                guard let block = free.popFirst() else { break }
                let slice = level[start..<min(start + Self.perBlock, level.count)]
                written.append((block, Self.block(slice, depth: depth, seed: seed)))
                above.append(Self.indexEntry(logical: starts[start], block: block))
                aboveStarts.append(starts[start])
            }
            level = above
            starts = aboveStarts
            depth += 1
        }
        var inode = [UInt8](repeating: 0, count: 60)
        Self.put(level[...], depth: depth, limit: Self.inInode, into: &inode)
        return (inode, written)
    }

    private static func block(_ entries: ArraySlice<[UInt8]>, depth: UInt16, seed: CRC32C?)
        -> [UInt8]
    {
        var bytes = [UInt8](repeating: 0, count: Ext4Geometry.blockSize)
        put(entries, depth: depth, limit: perBlock, into: &bytes)
        if var sum = seed {
            let end = 12 + 12 * perBlock
            sum.update(bytes[..<end])
            bytes.putLE(sum.register, at: end)
        }
        return bytes
    }

    private static func put(
        _ entries: ArraySlice<[UInt8]>,
        depth: UInt16,
        limit: Int,
        into bytes: inout [UInt8]
    ) {
        bytes.putLE(UInt16(0xf30a), at: 0)
        bytes.putLE(UInt16(entries.count), at: 2)
        bytes.putLE(UInt16(limit), at: 4)
        bytes.putLE(depth, at: 6)
        for (i, entry) in entries.enumerated() { bytes.put(entry, at: 12 + 12 * i) }
    }

    private static func leafEntry(_ extent: Extent) -> [UInt8] {
        var entry = [UInt8](repeating: 0, count: 12)
        entry.putLE(UInt32(truncatingIfNeeded: extent.logical), at: 0)
        entry.putLE(UInt16(truncatingIfNeeded: extent.length), at: 4)
        entry.putLE(UInt16(truncatingIfNeeded: extent.physical >> 32), at: 6)
        entry.putLE(UInt32(truncatingIfNeeded: extent.physical), at: 8)
        return entry
    }

    private static func indexEntry(logical: UInt64, block: UInt64) -> [UInt8] {
        var entry = [UInt8](repeating: 0, count: 12)
        entry.putLE(UInt32(truncatingIfNeeded: logical), at: 0)
        entry.putLE(UInt32(truncatingIfNeeded: block), at: 4)
        entry.putLE(UInt16(truncatingIfNeeded: block >> 32), at: 8)
        return entry
    }
}
