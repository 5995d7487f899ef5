import Checksums

extension Ext4FileSystem {
    /// Superblock, group descriptors and bitmaps' numbers of one group.
    struct GroupState {
        var freeBlocks: UInt64
        var freeInodes: UInt64
        var directories: UInt32
        var unusedInodes: UInt64
        var flags: UInt16
        var blockBitmapSum: UInt32 = 0
        var inodeBitmapSum: UInt32 = 0
    }

    private static let inodesUninitialised: UInt16 = 1
    private static let blocksUninitialised: UInt16 = 2
    private static let tableZeroed: UInt16 = 4

    func groupState(_ group: Int) -> GroupState {
        let used = UInt64(usedInodes(group))
        var state = GroupState(
            freeBlocks: geometry.blockCount(UInt64(group)) - usedBlocks(group),
            freeInodes: geometry.inodesPerGroup - used,
            directories: directoryCount(group),
            unusedInodes: 0,
            flags: 0
        )
        guard geometry.hasChecksums else { return state }
        // What was never written is zero, so no table has to be cleared later.
        state.flags = Self.tableZeroed
        state.unusedInodes = state.freeInodes
        if used == 0 { state.flags |= Self.inodesUninitialised }
        if isUntouched(group) { state.flags |= Self.blocksUninitialised }
        return state
    }

    /// Nothing but a copy of the superblock lies in the group, so that the kernel can work its
    /// bitmap out.
    private func isUntouched(_ group: Int) -> Bool {
        group > 0 && UInt64(group) < geometry.groups - 1
            && usedBlocks(group) == geometry.headBlocks(UInt64(group))
    }

    private func range(_ group: Int) -> Range<UInt64> {
        let start = geometry.firstBlock(UInt64(group))
        return start..<(start + geometry.blockCount(UInt64(group)))
    }

    private func usedBlocks(_ group: Int) -> UInt64 {
        arena.used(in: range(group)).reduce(0) { $0 + UInt64($1.count) }
    }

    private func directoryCount(_ group: Int) -> UInt32 {
        let perGroup = UInt32(truncatingIfNeeded: geometry.inodesPerGroup)
        let first = UInt32(group) * perGroup + 1
        var count: UInt32 = 0
        for number in first..<(first + usedInodes(group)) {
            switch number {
            case 2, Ext4Geometry.firstInode: count += 1
            case (Ext4Geometry.firstInode + 1)...:
                let node = tree.nodes[Int(number - Ext4Geometry.firstInode)]
                if node.kind == .directory { count += 1 }
            default: break
            }
        }
        return count
    }

    // MARK: Bitmaps

    func blockBitmap(_ group: Int) -> [UInt8] {
        let range = range(group)
        var bitmap = [UInt8](repeating: 0, count: Ext4Geometry.blockSize)
        for used in arena.used(in: range) {
            let shift = range.lowerBound
            setBits(&bitmap, Int(used.lowerBound - shift)..<Int(used.upperBound - shift))
        }
        setBits(&bitmap, range.count..<(Ext4Geometry.blockSize * 8))
        return bitmap
    }

    func inodeBitmap(_ group: Int) -> [UInt8] {
        var bitmap = [UInt8](repeating: 0, count: Ext4Geometry.blockSize)
        setBits(&bitmap, 0..<Int(usedInodes(group)))
        setBits(&bitmap, Int(geometry.inodesPerGroup)..<(Ext4Geometry.blockSize * 8))
        return bitmap
    }

    private func setBits(_ bitmap: inout [UInt8], _ range: Range<Int>) {
        var bit = range.lowerBound
        while bit < range.upperBound {
            if bit % 8 == 0, bit + 8 <= range.upperBound {
                bitmap[bit / 8] = 0xff
                bit += 8
            } else {
                bitmap[bit / 8] |= 1 << UInt8(bit % 8)
                bit += 1
            }
        }
    }

    func writeBitmaps<Output: DiskOutput & ~Copyable>(
        _ writer: inout BlockWriter,
        _ output: inout Output
    ) throws(Output.Failure) {
        for group in 0..<Int(geometry.groups) {
            let flags = groupState(group).flags
            if flags & Self.blocksUninitialised == 0 {
                try writer.write(blockBitmap(group), at: blockBitmaps[group], &output)
            }
            if flags & Self.inodesUninitialised == 0 {
                try writer.write(inodeBitmap(group), at: inodeBitmaps[group], &output)
            }
        }
    }

    // MARK: Descriptors and superblock

    private func descriptors(_ states: [GroupState]) -> [UInt8] {
        let size = geometry.descriptorSize
        let blocks = Int(geometry.descriptorBlocks)
        var table = [UInt8](repeating: 0, count: blocks * Ext4Geometry.blockSize)
        for (group, state) in states.enumerated() {
            let at = group * size
            func put(_ value: UInt64, low: Int, high: Int) {
                table.putLE(UInt32(truncatingIfNeeded: value), at: at + low)
                if size == 64 {
                    table.putLE(UInt32(truncatingIfNeeded: value >> 32), at: at + high)
                }
            }
            func putShort(_ value: UInt64, low: Int, high: Int) {
                table.putLE(UInt16(truncatingIfNeeded: value), at: at + low)
                if size == 64 {
                    table.putLE(UInt16(truncatingIfNeeded: value >> 16), at: at + high)
                }
            }
            put(blockBitmaps[group], low: 0, high: 0x20)
            put(inodeBitmaps[group], low: 4, high: 0x24)
            put(inodeTables[group], low: 8, high: 0x28)
            putShort(state.freeBlocks, low: 0xc, high: 0x2c)
            putShort(state.freeInodes, low: 0xe, high: 0x2e)
            putShort(UInt64(state.directories), low: 0x10, high: 0x30)
            table.putLE(state.flags, at: at + 0x12)
            guard geometry.hasChecksums else { continue }
            putShort(state.unusedInodes, low: 0x1c, high: 0x32)
            putShort(UInt64(state.blockBitmapSum), low: 0x18, high: 0x38)
            putShort(UInt64(state.inodeBitmapSum), low: 0x1a, high: 0x3a)
            var sum = checksumSeed
            sum.update(le: UInt32(group))
            sum.update(table[at..<(at + size)])
            table.putLE(UInt16(truncatingIfNeeded: sum.register), at: at + 0x1e)
        }
        return table
    }

    func writeHeads<Output: DiskOutput & ~Copyable>(
        _ writer: inout BlockWriter,
        _ output: inout Output
    ) throws(Output.Failure) {
        var states: [GroupState] = []
        for group in 0..<Int(geometry.groups) {
            var state = groupState(group)
            if state.flags & Self.blocksUninitialised == 0 {
                var sum = checksumSeed
                sum.update(blockBitmap(group))
                state.blockBitmapSum = sum.register
            }
            if state.flags & Self.inodesUninitialised == 0 {
                var sum = checksumSeed
                sum.update(inodeBitmap(group).prefix(Int(geometry.inodesPerGroup) / 8))
                state.inodeBitmapSum = sum.register
            }
            states.append(state)
        }
        let table = descriptors(states)
        let freeBlocks = states.reduce(0) { $0 + $1.freeBlocks }
        let freeInodes = states.reduce(0) { $0 + $1.freeInodes }
        for group in superblockGroups {
            let superblock = superblock(
                group: group,
                freeBlocks: freeBlocks,
                freeInodes: freeInodes
            )
            // The first kilobyte of the partition belongs to a boot sector.
            let at = geometry.firstBlock(group)
            let padding = [UInt8](repeating: 0, count: Ext4Geometry.blockSize - 2048)
            let offset = writer.base + at * UInt64(Ext4Geometry.blockSize)
            if group == 0 {
                try output.write(superblock + padding + table, at: offset + 1024)
            } else {
                let tail = [UInt8](repeating: 0, count: Ext4Geometry.blockSize - 1024)
                try output.write(superblock + tail + table, at: offset)
            }
        }
    }

    /// The 1,024 bytes (Documentation/filesystems/ext4/super.rst in the kernel's tree).
    private func superblock(group: UInt64, freeBlocks: UInt64, freeInodes: UInt64) -> [UInt8] {
        let parameters = geometry.parameters
        var bytes = [UInt8](repeating: 0, count: 1024)
        func put(_ value: UInt64, low: Int, high: Int) {
            bytes.putLE(UInt32(truncatingIfNeeded: value), at: low)
            bytes.putLE(UInt32(truncatingIfNeeded: value >> 32), at: high)
        }
        let reserved = geometry.blocks * parameters.reservedPercent / 100
        bytes.putLE(UInt32(truncatingIfNeeded: geometry.totalInodes), at: 0)
        put(geometry.blocks, low: 4, high: 0x150)
        put(reserved, low: 8, high: 0x154)
        put(freeBlocks, low: 0xc, high: 0x158)
        bytes.putLE(UInt32(truncatingIfNeeded: freeInodes), at: 0x10)
        bytes.putLE(UInt32(2), at: 0x18)
        bytes.putLE(UInt32(2), at: 0x1c)
        bytes.putLE(UInt32(Ext4Geometry.blocksPerGroup), at: 0x20)
        bytes.putLE(UInt32(Ext4Geometry.blocksPerGroup), at: 0x24)
        bytes.putLE(UInt32(truncatingIfNeeded: geometry.inodesPerGroup), at: 0x28)
        let time = UInt32(truncatingIfNeeded: created)
        bytes.putLE(time, at: 0x30)  // written
        bytes.putLE(UInt16(0xffff), at: 0x36)  // never checked for its number of mounts
        bytes.putLE(UInt16(0xef53), at: 0x38)
        bytes.putLE(UInt16(1), at: 0x3a)  // clean
        bytes.putLE(UInt16(1), at: 0x3c)  // go on after errors
        bytes.putLE(time, at: 0x40)  // last checked
        bytes.putLE(UInt32(1), at: 0x4c)  // revision 1
        bytes.putLE(Ext4Geometry.firstInode, at: 0x54)
        bytes.putLE(UInt16(Ext4Geometry.inodeSize), at: 0x58)
        bytes.putLE(UInt16(truncatingIfNeeded: group), at: 0x5a)
        for (word, at) in [
            (Ext4Feature.Word.compatible, 0x5c), (.incompatible, 0x60), (.readOnlyCompatible, 0x64),
        ] {
            let bits = parameters.features.map(\.bit).filter { $0.word == word }
            bytes.putLE(bits.reduce(UInt32(0)) { $0 | $1.mask }, at: at)
        }
        bytes.put(parameters.uuid.bytes, at: 0x68)
        bytes.put(parameters.label.utf8.prefix(16), at: 0x78)
        bytes.putLE(UInt16(truncatingIfNeeded: geometry.reservedDescriptorBlocks), at: 0xce)
        bytes.put(parameters.hashSeed.bytes, at: 0xec)
        bytes[0xfc] = 1  // half MD4
        if geometry.journalBlocks > 0 { putJournal(&bytes) }
        if geometry.descriptorSize == 64 { bytes.putLE(UInt16(64), at: 0xfe) }
        bytes.putLE(UInt32(0xc), at: 0x100)  // mount with user_xattr and acl
        bytes.putLE(time, at: 0x108)
        bytes.putLE(UInt16(32), at: 0x15c)
        bytes.putLE(UInt16(32), at: 0x15e)
        bytes.putLE(UInt32(1), at: 0x160)  // names are hashed as signed bytes
        bytes[0x174] = 4  // 16 groups a flex group
        if geometry.hasChecksums {
            bytes[0x175] = 1  // CRC-32C
            var sum = CRC32C()
            sum.update(bytes[..<0x3fc])
            bytes.putLE(sum.register, at: 0x3fc)
        }
        return bytes
    }

    /// The journal's inode, and a copy of where it lies for e2fsck.
    private func putJournal(_ bytes: inout [UInt8]) {
        bytes.putLE(UInt32(8), at: 0xe0)
        bytes[0xfd] = 1
        guard let inode = journalInode else { return }
        bytes.put(inode.content, at: 0x10c)
        bytes.putLE(UInt32(truncatingIfNeeded: inode.size >> 32), at: 0x10c + 60)
        bytes.putLE(UInt32(truncatingIfNeeded: inode.size), at: 0x10c + 64)
    }
}
