import Checksums

/// A file tree laid out as ext4: every block decided before a byte is written, so that contents may
/// be written in any order, by anyone, while the same tree always gives the same bytes.
package struct Ext4FileSystem: Sendable {
    package let tree: FileTree
    /// Change, access and creation time of every inode, in seconds since 1970.
    let created: Int64
    let geometry: Ext4Geometry
    var arena: BlockArena
    let hash: DirectoryHash
    /// CRC-32C over the UUID, where every checksum starts.
    let checksumSeed: CRC32C

    /// By group.
    var blockBitmaps: [UInt64] = []
    var inodeBitmaps: [UInt64] = []
    var inodeTables: [UInt64] = []

    var journal: [Range<UInt64>] = []
    /// The double indirect block of the inode that keeps the blocks for growing.
    var resizeBlock: UInt64?
    var lostAndFound: [Range<UInt64>] = []
    /// The first block after journal, lost+found and the like: from here to the arena's cursor
    /// lie directories, symlinks, attributes and contents.
    var contentStart: UInt64 = 0

    /// By node: the first block of its contents; 0 for none.
    var starts: [UInt32]
    /// By node, for the few that need them.
    var extentBlocks: [Int: [UInt64]] = [:]
    var journalTree: [UInt64] = []
    /// Directories of more than one block, and of how many.
    var largeDirectories: [Int: UInt64] = [:]
    var xattrBlockOfNode: [Int: UInt64] = [:]
    var xattrLayouts: [XattrLayout] = []
    var xattrBlocks: [SharedXattrBlock] = []

    struct SharedXattrBlock: Sendable {
        var block: UInt64
        var set: FileTree.XattrSetID
        var references: UInt32
    }

    static let lostAndFoundBlocks: UInt64 = 4
    static let mostLinks = 65_000

    /// Lays the tree out.
    /// - Parameters:
    ///   - length: of the partition in bytes.
    ///   - created: seconds since 1970 for the times that the tree does not give.
    package init(
        tree: FileTree,
        parameters: Ext4Parameters,
        length: UInt64,
        created: Int64
    ) throws(Ext4Problem) {
        self.tree = tree
        self.created = created
        geometry = try Ext4Geometry(
            parameters: parameters,
            length: length,
            inodes: UInt64(tree.nodeCount)
        )
        arena = BlockArena(count: geometry.blocks)
        hash = DirectoryHash(seed: parameters.hashSeed)
        var seed = CRC32C()
        seed.update(parameters.uuid.bytes)
        checksumSeed = seed
        starts = [UInt32](repeating: 0, count: tree.nodeCount)
        try reserveMetadata()
        try placeDirectories()
        try placeXattrs()
        try placeContents()
    }

    /// Where a file's contents are to be written, ascending.
    package func dataRuns(of node: FileTree.NodeID) -> [DataRun] {
        let block = UInt64(Ext4Geometry.blockSize)
        let size = tree.nodes[node.index].size
        guard tree.nodes[node.index].kind == .file else { return [] }
        var runs: [DataRun] = []
        for extent in extents(of: node.index) {
            let start = extent.logical * block
            let length = min(extent.length * block, size - start)
            if let last = runs.last, last.fileOffset + last.length == start,
                last.offset + last.length == extent.physical * block
            {
                runs[runs.count - 1].length += length
            } else {
                runs.append(
                    DataRun(fileOffset: start, offset: extent.physical * block, length: length)
                )
            }
        }
        return runs
    }

    /// Where the first block of a file's contents lies in the partition, in bytes; nil if there is none.
    package func contentOffset(of node: FileTree.NodeID) -> UInt64? {
        guard tree.nodes[node.index].kind == .file, starts[node.index] > 0 else { return nil }
        return UInt64(starts[node.index]) * UInt64(Ext4Geometry.blockSize)
    }

    /// Bytes in use, metadata and journal included.
    package var usedBytes: UInt64 {
        arena.used(in: 0..<geometry.blocks).reduce(0) { $0 + UInt64($1.count) }
            * UInt64(Ext4Geometry.blockSize)
    }

    static func inodeNumber(_ node: Int) -> UInt32 {
        node == 0 ? 2 : Ext4Geometry.firstInode + UInt32(node)
    }

    func directoryLayout(_ node: Int) throws(DirectoryLayout.Problem) -> DirectoryLayout {
        var items: [DirectoryLayout.Item] = []
        tree.forEachEntry(of: FileTree.NodeID(index: node)) { entry in
            items.append(
                DirectoryLayout.Item(
                    name: tree.name(entry),
                    inode: Self.inodeNumber(Int(entry.node)),
                    type: tree.nodes[Int(entry.node)].kind.directoryEntryType
                )
            )
        }
        if node == 0 {
            items.append(
                DirectoryLayout.Item(
                    name: ArraySlice("lost+found".utf8),
                    inode: Ext4Geometry.firstInode,
                    type: 2
                )
            )
        }
        return try DirectoryLayout(
            inode: Self.inodeNumber(node),
            parent: Self.inodeNumber(Int(tree.nodes[node].size)),
            items: items,
            hash: hash,
            checksums: geometry.hasChecksums
        )
    }

    /// The logical ranges of a node's contents, in blocks.
    private func logicalRanges(_ index: Int) -> [Range<UInt64>] {
        let node = tree.nodes[index]
        let block = UInt64(Ext4Geometry.blockSize)
        switch node.kind {
        case .file where node.isSparse:
            var ranges: [Range<UInt64>] = []
            for data in tree.dataRanges[index] ?? [] where !data.isEmpty {
                let end = min(data.upperBound, node.size).dividedRoundingUp(by: block)
                let start = max(data.lowerBound / block, ranges.last?.upperBound ?? 0)
                guard start < end else { continue }
                if let last = ranges.last, last.upperBound == start {
                    ranges[ranges.count - 1] = last.lowerBound..<end
                } else {
                    ranges.append(start..<end)
                }
            }
            return ranges
        case .file:
            return node.size == 0 ? [] : [0..<node.size.dividedRoundingUp(by: block)]
        case .symlink:
            return node.size < 60 ? [] : [0..<1]
        default:
            return []
        }
    }

    /// The extents of a file or a long symlink.
    func extents(of index: Int) -> [Extent] {
        let ranges = logicalRanges(index)
        let total = ranges.reduce(0) { $0 + UInt64($1.count) }
        return extents(logical: ranges, runs: arena.runs(from: UInt64(starts[index]), total))
    }

    /// The extents of something that lies in the given runs without holes.
    func extents(runs: [Range<UInt64>]) -> [Extent] {
        extents(logical: [0..<runs.reduce(0) { $0 + UInt64($1.count) }], runs: runs)
    }

    private func extents(logical: [Range<UInt64>], runs: [Range<UInt64>]) -> [Extent] {
        var extents: [Extent] = []
        var runs = runs[...]
        for range in logical {
            var at = range.lowerBound
            while at < range.upperBound, let run = runs.first {
                let length = min(range.upperBound - at, UInt64(run.count), ExtentTree.longest)
                extents.append(Extent(logical: at, physical: run.lowerBound, length: length))
                at += length
                runs = runs.dropFirst()
                if run.lowerBound + length < run.upperBound {
                    runs = [run.lowerBound + length..<run.upperBound] + runs
                }
            }
        }
        return extents
    }

    func extents(ofDirectory index: Int) -> [Extent] {
        extents(runs: arena.runs(from: UInt64(starts[index]), directoryBlocks(index)))
    }

    func directoryBlocks(_ index: Int) -> UInt64 { largeDirectories[index] ?? 1 }

    func blocksOfContents(_ index: Int) -> UInt64 {
        logicalRanges(index).reduce(0) { $0 + UInt64($1.count) }
    }
}

extension FileTree.Kind {
    /// The type in a directory entry (EXT4_FT_…).
    var directoryEntryType: UInt8 {
        switch self {
        case .file: 1
        case .directory: 2
        case .characterDevice: 3
        case .blockDevice: 4
        case .fifo: 5
        case .socket: 6
        case .symlink: 7
        }
    }
}
