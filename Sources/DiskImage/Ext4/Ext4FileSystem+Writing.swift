import Checksums

extension Ext4FileSystem {
    /// Writes everything but the contents of files.
    /// - Parameter base: where the partition begins on the disk, in bytes.
    package func writeMetadata<Output: DiskOutput & ~Copyable>(
        to output: inout Output,
        base: UInt64
    ) throws(Output.Failure) {
        var writer = BlockWriter(base: base)
        try writeHeads(&writer, &output)
        try writeBitmaps(&writer, &output)
        try writeInodes(&writer, &output)
        try writeReservedFiles(&writer, &output)
        for index in tree.nodes.indices { try writeNode(index, &writer, &output) }
        for shared in xattrBlocks {
            guard var block = xattrLayouts[Int(shared.set.index)].block else { continue }
            block.putLE(shared.references, at: 4)
            if geometry.hasChecksums {
                var sum = checksumSeed
                sum.update(le: UInt32(truncatingIfNeeded: shared.block))
                sum.update(le: UInt32(truncatingIfNeeded: shared.block >> 32))
                sum.update(block)
                block.putLE(sum.register, at: 16)
            }
            try writer.write(block, at: shared.block, &output)
        }
    }

    /// What lies in blocks of its own for one node: entries, long targets, extent trees.
    private func writeNode<Output: DiskOutput & ~Copyable>(
        _ index: Int,
        _ writer: inout BlockWriter,
        _ output: inout Output
    ) throws(Output.Failure) {
        let node = tree.nodes[index]
        let seed = InodeImage.seed(checksumSeed, number: Self.inodeNumber(index))
        switch node.kind {
        case .directory:
            // It was laid out before, so it cannot fail now.
            guard let layout = try? directoryLayout(index) else { return }
            let runs = arena.runs(from: UInt64(starts[index]), directoryBlocks(index))
            try writer.write(layout.encode(seed: seed), in: runs, &output)
        case .symlink where node.size >= 60:
            var block = [UInt8](repeating: 0, count: Ext4Geometry.blockSize)
            block.put(tree.target(node), at: 0)
            try writer.write(block, at: UInt64(starts[index]), &output)
        default:
            break
        }
        guard let blocks = extentBlocks[index] else { return }
        let extents = node.kind == .directory ? extents(ofDirectory: index) : extents(of: index)
        try writeTree(extents, blocks, number: Self.inodeNumber(index), &writer, &output)
    }

    private func writeTree<Output: DiskOutput & ~Copyable>(
        _ extents: [Extent],
        _ blocks: [UInt64],
        number: UInt32,
        _ writer: inout BlockWriter,
        _ output: inout Output
    ) throws(Output.Failure) {
        let seed = geometry.hasChecksums ? InodeImage.seed(checksumSeed, number: number) : nil
        for (block, bytes) in ExtentTree(extents).encode(blocks: blocks, seed: seed).blocks {
            try writer.write(bytes, at: block, &output)
        }
    }

    private func writeInodes<Output: DiskOutput & ~Copyable>(
        _ writer: inout BlockWriter,
        _ output: inout Output
    ) throws(Output.Failure) {
        let seed = geometry.hasChecksums ? checksumSeed : nil
        for group in 0..<Int(geometry.groups) {
            let used = usedInodes(group)
            guard used > 0 else { continue }
            let rounded = UInt64(used).roundedUp(to: Ext4Geometry.inodesPerBlock)
            var table = [UInt8](repeating: 0, count: Int(rounded) * Ext4Geometry.inodeSize)
            for slot in 0..<used {
                let number =
                    UInt32(truncatingIfNeeded: UInt64(group) * geometry.inodesPerGroup) + slot + 1
                guard let image = inodeImage(number: number) else { continue }
                image.encode(
                    into: &table,
                    at: Int(slot) * Ext4Geometry.inodeSize,
                    number: number,
                    seed: seed
                )
            }
            try writer.write(table, at: inodeTables[group], &output)
        }
    }

    private func inodeImage(number: UInt32) -> InodeImage? {
        switch number {
        case 2: inodeImage(0)
        case 7: resizeInode
        case 8: journalInode
        case Ext4Geometry.firstInode: lostAndFoundInode
        case (Ext4Geometry.firstInode + 1)...: inodeImage(Int(number - Ext4Geometry.firstInode))
        default: emptyInode
        }
    }

    // MARK: Reserved inodes

    /// A reserved inode that is in use for nothing; mke2fs gives such ones their times only.
    private var emptyInode: InodeImage {
        var image = InodeImage()
        image.links = 0
        image.modified = created
        image.created = created
        return image
    }

    private var lostAndFoundInode: InodeImage {
        var image = InodeImage()
        image.mode = FileTree.Kind.directory.rawValue | 0o700
        image.links = 2
        image.size = Self.lostAndFoundBlocks * UInt64(Ext4Geometry.blockSize)
        image.blocks = Self.lostAndFoundBlocks
        image.flags = InodeImage.extentsFlag
        image.modified = created
        image.created = created
        image.content = ExtentTree(extents(runs: lostAndFound)).encode(blocks: [], seed: nil).inode
        return image
    }

    var journalInode: InodeImage? {
        guard geometry.journalBlocks > 0 else { return emptyInode }
        var image = InodeImage()
        image.mode = FileTree.Kind.file.rawValue | 0o600
        image.size = geometry.journalBlocks * UInt64(Ext4Geometry.blockSize)
        image.blocks = geometry.journalBlocks + UInt64(journalTree.count)
        image.flags = InodeImage.extentsFlag
        image.modified = created
        image.created = created
        let tree = ExtentTree(extents(runs: journal))
        image.content = tree.encode(blocks: journalTree, seed: nil).inode
        return image
    }

    /// Inode 7 keeps the blocks after the descriptors: its double indirect block points to each,
    /// and each to its copies in the groups with a superblock (lib/ext2fs/res_gdt.c).
    private var resizeInode: InodeImage {
        guard let resizeBlock else { return emptyInode }
        var image = InodeImage()
        image.mode = FileTree.Kind.file.rawValue | 0o600
        let perBlock = UInt64(Ext4Geometry.blockSize / 4)
        image.size = (perBlock * perBlock + perBlock + 12) * UInt64(Ext4Geometry.blockSize)
        let copies = UInt64(superblockGroups.count)
        image.blocks = 1 + geometry.reservedDescriptorBlocks * copies
        image.modified = created
        image.created = created
        image.content.putLE(UInt32(truncatingIfNeeded: resizeBlock), at: 13 * 4)
        return image
    }

    var superblockGroups: [UInt64] { (0..<geometry.groups).filter(geometry.hasSuperblock) }

    private func writeReservedFiles<Output: DiskOutput & ~Copyable>(
        _ writer: inout BlockWriter,
        _ output: inout Output
    ) throws(Output.Failure) {
        if let first = journal.first {
            try writer.write(journalSuperblock, at: first.lowerBound, &output)
            try writeTree(extents(runs: journal), journalTree, number: 8, &writer, &output)
        }
        try writer.write(lostAndFoundEntries, in: lostAndFound, &output)
        guard let resizeBlock else { return }
        var indirect = [UInt8](repeating: 0, count: Ext4Geometry.blockSize)
        let first = 1 + geometry.descriptorBlocks
        for n in 0..<geometry.reservedDescriptorBlocks {
            let number = first + n
            let slot = Int((geometry.descriptorBlocks + n) % 1024)
            indirect.putLE(UInt32(truncatingIfNeeded: number), at: 4 * slot)
            var copies = [UInt8](repeating: 0, count: Ext4Geometry.blockSize)
            for (i, group) in superblockGroups.dropFirst().enumerated() {
                let copy = geometry.firstBlock(group) + number
                copies.putLE(UInt32(truncatingIfNeeded: copy), at: 4 * i)
            }
            try writer.write(copies, at: number, &output)
        }
        try writer.write(indirect, at: resizeBlock, &output)
    }

    /// An empty journal (jbd2, version 2; every number big-endian).
    private var journalSuperblock: [UInt8] {
        var block = [UInt8](repeating: 0, count: Ext4Geometry.blockSize)
        block.putBE(UInt32(0xc03b_3998), at: 0)
        block.putBE(UInt32(4), at: 4)
        block.putBE(UInt32(Ext4Geometry.blockSize), at: 12)
        block.putBE(UInt32(truncatingIfNeeded: geometry.journalBlocks), at: 16)
        block.putBE(UInt32(1), at: 20)
        block.putBE(UInt32(1), at: 24)
        block.put(geometry.parameters.uuid.bytes, at: 48)
        block.putBE(UInt32(1), at: 64)
        return block
    }

    /// Several empty blocks, so that fsck has room without allocating.
    private var lostAndFoundEntries: [UInt8] {
        let block = Ext4Geometry.blockSize
        let tail = geometry.hasChecksums ? 12 : 0
        var bytes = [UInt8](repeating: 0, count: lostAndFound.reduce(0) { $0 + $1.count } * block)
        let number = Ext4Geometry.firstInode
        let seed = InodeImage.seed(checksumSeed, number: number)
        for at in stride(from: 0, to: bytes.count, by: block) {
            if at == 0 {
                bytes.putLE(number, at: 0)
                bytes.putLE(UInt16(12), at: 4)
                bytes.put([1, 2, 0x2e], at: 6)
                bytes.putLE(UInt32(2), at: 12)
                bytes.putLE(UInt16(block - 12 - tail), at: 16)
                bytes.put([2, 2, 0x2e, 0x2e], at: 18)
            } else {
                bytes.putLE(UInt16(block - tail), at: at + 4)
            }
            guard tail > 0 else { continue }
            let end = at + block - tail
            bytes.putLE(UInt16(12), at: end + 4)
            bytes[end + 7] = 0xde
            var sum = seed
            sum.update(bytes[at..<end])
            bytes.putLE(sum.register, at: end + 8)
        }
        return bytes
    }
}

/// Turns block numbers into offsets of the disk.
struct BlockWriter {
    let base: UInt64

    func write<Output: DiskOutput & ~Copyable>(
        _ bytes: [UInt8],
        at block: UInt64,
        _ output: inout Output
    ) throws(Output.Failure) {
        try output.write(bytes, at: base + block * UInt64(Ext4Geometry.blockSize))
    }

    func write<Output: DiskOutput & ~Copyable>(
        _ bytes: [UInt8],
        in runs: [Range<UInt64>],
        _ output: inout Output
    ) throws(Output.Failure) {
        if let only = runs.first, runs.count == 1 {
            return try write(bytes, at: only.lowerBound, &output)
        }
        var from = 0
        for run in runs {
            let end = min(from + run.count * Ext4Geometry.blockSize, bytes.count)
            try write(Array(bytes[from..<end]), at: run.lowerBound, &output)
            from = end
        }
    }
}
