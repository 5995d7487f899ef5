extension Ext4FileSystem {
    /// Superblock copies, bitmaps, inode tables, journal, lost+found.
    mutating func reserveMetadata() throws(Ext4Problem) {
        for group in 0..<geometry.groups {
            let start = geometry.firstBlock(group)
            try arena.reserve(start..<(start + geometry.headBlocks(group)))
        }
        // The bitmaps and tables of a flex group lie together at its start.
        for leader in stride(from: 0, to: geometry.groups, by: Int(Ext4Geometry.groupsPerFlex)) {
            let members = min(Ext4Geometry.groupsPerFlex, geometry.groups - leader)
            let start = geometry.firstBlock(leader)
            for _ in 0..<members {
                blockBitmaps.append(try arena.reserve(1, atOrAfter: start).lowerBound)
            }
            for _ in 0..<members {
                inodeBitmaps.append(try arena.reserve(1, atOrAfter: start).lowerBound)
            }
            for _ in 0..<members {
                inodeTables.append(
                    try arena.reserve(geometry.inodeTableBlocks, atOrAfter: start).lowerBound
                )
            }
        }
        journal = try arena.allocate(geometry.journalBlocks)
        let tree = ExtentTree.blockCount(extents: extents(runs: journal).count)
        journalTree = try arena.allocate(UInt64(tree)).flatMap { Array($0) }
        lostAndFound = try arena.allocate(Self.lostAndFoundBlocks)
        if geometry.parameters.features.contains(.resizeInode) {
            resizeBlock = try arena.allocate(1).first?.lowerBound
        }
        contentStart = arena.cursor
    }

    mutating func placeDirectories() throws(Ext4Problem) {
        for index in tree.nodes.indices where tree.nodes[index].kind == .directory {
            let id = FileTree.NodeID(index: index)
            let blocks: Int
            do {
                blocks = try directoryLayout(index).blockCount
            } catch {
                throw directoryProblem(error, id)
            }
            if blocks > 1 { largeDirectories[index] = UInt64(blocks) }
            try place(UInt64(blocks), for: index)
            try placeTree(of: extents(ofDirectory: index), for: index)
        }
    }

    private func directoryProblem(
        _ problem: DirectoryLayout.Problem,
        _ directory: FileTree.NodeID
    ) -> Ext4Problem {
        let path = directory == FileTree.root ? "" : tree.path(of: directory)
        switch problem {
        case .duplicateName(let name):
            return .duplicateName(path: path + "/" + String(decoding: name, as: UTF8.self))
        case .tooLarge(let blocks):
            return .directoryTooLarge(path: path, blocks: blocks)
        }
    }

    mutating func placeXattrs() throws(Ext4Problem) {
        for (index, set) in tree.xattrSets.enumerated() {
            do {
                xattrLayouts.append(try XattrLayout(set))
            } catch {
                throw xattrProblem(error, set: UInt32(index))
            }
        }
        // A block serves up to 1,024 inodes, as in the kernel.
        var current: [UInt32: Int] = [:]
        for index in tree.nodes.indices {
            let set = tree.nodes[index].xattrs
            guard xattrLayouts[Int(set.index)].block != nil else { continue }
            if let shared = current[set.index], xattrBlocks[shared].references < 1024 {
                xattrBlocks[shared].references += 1
                xattrBlockOfNode[index] = xattrBlocks[shared].block
                continue
            }
            let block = try allocateOne()
            current[set.index] = xattrBlocks.count
            xattrBlocks.append(SharedXattrBlock(block: block, set: set, references: 1))
            xattrBlockOfNode[index] = block
        }
    }

    mutating func placeContents() throws(Ext4Problem) {
        for index in tree.nodes.indices where tree.nodes[index].kind != .directory {
            let node = tree.nodes[index]
            let id = FileTree.NodeID(index: index)
            if node.links > UInt32(Self.mostLinks) {
                throw .tooManyLinks(path: tree.path(of: id), count: Int(node.links))
            }
            if node.kind == .symlink, node.size > 4095 {
                throw .symlinkTooLong(path: tree.path(of: id), bytes: node.size)
            }
            if node.kind == .file, node.size > UInt64(UInt32.max) * UInt64(Ext4Geometry.blockSize) {
                throw .fileTooLarge(path: tree.path(of: id), bytes: node.size)
            }
            try place(blocksOfContents(index), for: index)
            if node.size > 0 { try placeTree(of: extents(of: index), for: index) }
        }
    }

    private mutating func place(_ blocks: UInt64, for index: Int) throws(Ext4Problem) {
        guard blocks > 0 else { return }
        let runs = try arena.allocate(blocks)
        starts[index] = UInt32(truncatingIfNeeded: runs.first?.lowerBound ?? 0)
    }

    /// The blocks of an extent tree that does not fit the inode.
    private mutating func placeTree(
        of extents: [Extent],
        for index: Int
    ) throws(Ext4Problem) {
        let blocks = ExtentTree.blockCount(extents: extents.count)
        guard blocks > 0 else { return }
        extentBlocks[index] = try arena.allocate(UInt64(blocks)).flatMap { Array($0) }
    }

    private mutating func allocateOne() throws(Ext4Problem) -> UInt64 {
        try arena.allocate(1).first?.lowerBound ?? 0
    }

    private func xattrProblem(_ problem: XattrLayout.Problem, set: UInt32) -> Ext4Problem {
        let index = tree.nodes.firstIndex { $0.xattrs.index == set } ?? 0
        let path = tree.path(of: FileTree.NodeID(index: index))
        switch problem {
        case .doesNotFit(let largest): return .xattrsTooLarge(path: path, bytes: largest)
        case .unknownName(let name):
            return .xattrNameUnknown(path: path, name: String(decoding: name, as: UTF8.self))
        }
    }

    /// What `writeMetadata` and the contents may write, in bytes of the partition, ascending; all
    /// else stays zero. Some of it may be zero too.
    package var writtenRanges: [Range<UInt64>] {
        var blocks: [Range<UInt64>] = []
        for group in 0..<geometry.groups where geometry.hasSuperblock(group) {
            let start = geometry.firstBlock(group)
            let growing = group == 0 && resizeBlock != nil ? geometry.reservedDescriptorBlocks : 0
            blocks.append(start..<(start + 1 + geometry.descriptorBlocks + growing))
        }
        for group in 0..<Int(geometry.groups) {
            blocks.append(blockBitmaps[group]..<(blockBitmaps[group] + 1))
            blocks.append(inodeBitmaps[group]..<(inodeBitmaps[group] + 1))
            let used = UInt64(usedInodes(group)).dividedRoundingUp(by: Ext4Geometry.inodesPerBlock)
            if used > 0 { blocks.append(inodeTables[group]..<(inodeTables[group] + used)) }
        }
        if let first = journal.first { blocks.append(first.lowerBound..<(first.lowerBound + 1)) }
        blocks += journalTree.map { $0..<($0 + 1) }
        blocks += lostAndFound
        if let resizeBlock { blocks.append(resizeBlock..<(resizeBlock + 1)) }
        blocks += arena.runs(from: contentStart, arena.allocatedCount(from: contentStart))
        let size = UInt64(Ext4Geometry.blockSize)
        return mergedRanges(blocks).map { ($0.lowerBound * size)..<($0.upperBound * size) }
    }

    /// Inodes of a group that are in use; they are its first ones.
    func usedInodes(_ group: Int) -> UInt32 {
        let total = UInt64(Ext4Geometry.firstInode) + UInt64(tree.nodeCount - 1)
        let before = UInt64(group) * geometry.inodesPerGroup
        return UInt32(min(geometry.inodesPerGroup, total > before ? total - before : 0))
    }
}

extension BlockArena {
    /// How many blocks `allocate` gave from `start` on.
    func allocatedCount(from start: UInt64) -> UInt64 {
        guard start < cursor else { return 0 }
        let inZones = zones.reduce(UInt64(0)) {
            $0 + UInt64($1.clamped(to: start..<cursor).count)
        }
        return cursor - start - inZones
    }
}

/// The ranges in ascending order, those that touch joined.
package func mergedRanges(_ ranges: [Range<UInt64>]) -> [Range<UInt64>] {
    var result: [Range<UInt64>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
        if let last = result.last, last.upperBound >= range.lowerBound {
            result[result.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
        } else {
            result.append(range)
        }
    }
    return result
}
