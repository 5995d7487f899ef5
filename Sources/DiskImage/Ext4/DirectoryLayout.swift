import Checksums

/// The blocks of one directory: a plain list if it fits one block, else an index by hash over
/// leaf blocks (Documentation/filesystems/ext4/directory.rst in the kernel's tree).
struct DirectoryLayout {
    struct Item {
        var name: ArraySlice<UInt8>
        var inode: UInt32
        var type: UInt8
        var hash: UInt32 = 0

        /// Bytes of the entry: eight and the name, a multiple of four.
        var size: Int { (8 + name.count + 3) & ~3 }
    }

    private let inode: UInt32
    private let parent: UInt32
    private var items: [Item]
    /// Where each leaf begins in `items`; empty for a plain list.
    private var leaves: [Int] = []
    private let checksums: Bool

    private static let blockSize = Ext4Geometry.blockSize
    private var tail: Int { checksums ? 12 : 0 }
    private var rootLimit: Int { (Self.blockSize - 32) / 8 - (checksums ? 1 : 0) }
    private var nodeLimit: Int { (Self.blockSize - 8) / 8 - (checksums ? 1 : 0) }

    enum Problem: Error {
        case duplicateName(ArraySlice<UInt8>)
        case tooLarge(blocks: Int)
    }

    init(
        inode: UInt32,
        parent: UInt32,
        items: [Item],
        hash: DirectoryHash,
        checksums: Bool
    ) throws(Problem) {
        self.inode = inode
        self.parent = parent
        self.items = items
        self.checksums = checksums
        let total = items.reduce(24) { $0 + $1.size }
        let fitsOneBlock = total <= Self.blockSize - tail
        for i in items.indices where !fitsOneBlock {
            self.items[i].hash = hash.hash(items[i].name)
        }
        if !fitsOneBlock {
            self.items.sort {
                $0.hash == $1.hash
                    ? $0.name.lexicographicallyPrecedes($1.name) : $0.hash < $1.hash
            }
            try refuseNeighbouringTwins()
            packLeaves()
            guard leaves.count <= rootLimit * nodeLimit else {
                throw .tooLarge(blocks: leaves.count)
            }
        } else {
            self.items.sort { $0.name.lexicographicallyPrecedes($1.name) }
            try refuseNeighbouringTwins()
            self.items = items
        }
    }

    var blockCount: Int { leaves.isEmpty ? 1 : 1 + nodeCount + leaves.count }
    var isIndexed: Bool { !leaves.isEmpty }

    /// Blocks between the root and the leaves.
    private var nodeCount: Int {
        leaves.count <= rootLimit ? 0 : leaves.count.dividedRoundingUp(by: nodeLimit)
    }

    private func refuseNeighbouringTwins() throws(Problem) {
        for i in items.indices.dropFirst() where items[i].name == items[i - 1].name {
            throw .duplicateName(items[i].name)
        }
    }

    private mutating func packLeaves() {
        var used = Self.blockSize
        for (i, item) in items.enumerated() {
            if used + item.size > Self.blockSize - tail {
                leaves.append(i)
                used = 0
            }
            used += item.size
        }
    }

    /// All blocks, one after another.
    /// - Parameter seed: the checksum carried on from the file system's UUID, inode and generation.
    func encode(seed: CRC32C) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: blockCount * Self.blockSize)
        if leaves.isEmpty {
            encodeList(into: &bytes, seed: seed)
            return bytes
        }
        let firstLeaf = 1 + nodeCount
        encodeRoot(into: &bytes, firstLeaf: firstLeaf, seed: seed)
        for n in 0..<nodeCount { encodeNode(n, into: &bytes, firstLeaf: firstLeaf, seed: seed) }
        for (n, start) in leaves.enumerated() {
            let end = n + 1 < leaves.count ? leaves[n + 1] : items.count
            let at = (firstLeaf + n) * Self.blockSize
            encodeEntries(items[start..<end], into: &bytes, from: at, blockAt: at)
            sealList(&bytes, at: at, seed: seed)
        }
        return bytes
    }

    private func encodeList(into bytes: inout [UInt8], seed: CRC32C) {
        let dots = [
            Item(name: [0x2e], inode: inode, type: 2),
            Item(name: [0x2e, 0x2e], inode: parent, type: 2),
        ]
        encodeEntries((dots + items)[...], into: &bytes, from: 0, blockAt: 0)
        sealList(&bytes, at: 0, seed: seed)
    }

    /// The last entry of a block reaches to its end, or to the checksum.
    private func encodeEntries(
        _ items: ArraySlice<Item>,
        into bytes: inout [UInt8],
        from: Int,
        blockAt: Int
    ) {
        var at = from
        for i in items.indices {
            let last = i == items.endIndex - 1
            let length = last ? blockAt + Self.blockSize - tail - at : items[i].size
            Self.put(items[i], length: length, into: &bytes, at: at)
            at += length
        }
    }

    private static func put(_ item: Item, length: Int, into bytes: inout [UInt8], at: Int) {
        bytes.putLE(item.inode, at: at)
        bytes.putLE(UInt16(length), at: at + 4)
        bytes[at + 6] = UInt8(item.name.count)
        bytes[at + 7] = item.type
        bytes.put(item.name, at: at + 8)
    }

    private func sealList(_ bytes: inout [UInt8], at: Int, seed: CRC32C) {
        guard checksums else { return }
        let end = at + Self.blockSize - tail
        bytes.putLE(UInt16(12), at: end + 4)
        bytes[end + 7] = 0xde
        var sum = seed
        sum.update(bytes[at..<end])
        bytes.putLE(sum.register, at: end + 8)
    }

    private func encodeRoot(into bytes: inout [UInt8], firstLeaf: Int, seed: CRC32C) {
        Self.put(Item(name: [0x2e], inode: inode, type: 2), length: 12, into: &bytes, at: 0)
        Self.put(
            Item(name: [0x2e, 0x2e], inode: parent, type: 2),
            length: Self.blockSize - 12,
            into: &bytes,
            at: 12
        )
        bytes[28] = 1  // half MD4
        bytes[29] = 8  // length of this information
        bytes[30] = nodeCount == 0 ? 0 : 1
        let children =
            nodeCount == 0
            ? leaves.indices.map { (leafHash($0), firstLeaf + $0) }
            : (0..<nodeCount).map { (leafHash($0 * nodeLimit), 1 + $0) }
        encodeIndex(children, limit: rootLimit, into: &bytes, blockAt: 0, from: 32, seed: seed)
    }

    private func encodeNode(_ n: Int, into bytes: inout [UInt8], firstLeaf: Int, seed: CRC32C) {
        let at = (1 + n) * Self.blockSize
        bytes.putLE(UInt16(Self.blockSize), at: at + 4)
        let range = (n * nodeLimit)..<min((n + 1) * nodeLimit, leaves.count)
        encodeIndex(
            range.map { (leafHash($0), firstLeaf + $0) },
            limit: nodeLimit,
            into: &bytes,
            blockAt: at,
            from: at + 8,
            seed: seed
        )
    }

    /// The hash under which a leaf is found; its lowest bit says that the leaf goes on with the
    /// hash that the one before ended with.
    private func leafHash(_ n: Int) -> UInt32 {
        let start = leaves[n]
        guard start > 0 else { return 0 }
        return items[start].hash | (items[start - 1].hash == items[start].hash ? 1 : 0)
    }

    private func encodeIndex(
        _ children: [(hash: UInt32, block: Int)],
        limit: Int,
        into bytes: inout [UInt8],
        blockAt: Int,
        from: Int,
        seed: CRC32C
    ) {
        for (i, child) in children.enumerated() {
            // The first has limit and count in the place of its hash.
            if i > 0 { bytes.putLE(child.hash, at: from + 8 * i) }
            bytes.putLE(UInt32(child.block), at: from + 8 * i + 4)
        }
        bytes.putLE(UInt16(limit), at: from)
        bytes.putLE(UInt16(children.count), at: from + 2)
        guard checksums else { return }
        var sum = seed
        sum.update(bytes[blockAt..<(from + 8 * children.count)])
        sum.update([UInt8](repeating: 0, count: 8))
        bytes.putLE(sum.register, at: from + 8 * limit + 4)
    }
}
