/// The numbers of an ext4 file system that follow from its size and features.
struct Ext4Geometry: Sendable {
    static let blockSize = 4096
    static let blocksPerGroup: UInt64 = 32_768
    static let inodeSize = 256
    static let inodesPerBlock: UInt64 = 16
    static let groupsPerFlex: UInt64 = 16
    static let firstInode: UInt32 = 11

    let parameters: Ext4Parameters
    let blocks: UInt64
    let groups: UInt64
    let inodesPerGroup: UInt64
    let descriptorSize: Int
    /// Blocks of group descriptors after each copy of the superblock.
    let descriptorBlocks: UInt64
    /// Blocks kept after those, for growing.
    let reservedDescriptorBlocks: UInt64
    let journalBlocks: UInt64

    /// - Parameters:
    ///   - length: of the partition in bytes.
    ///   - inodes: how many the tree needs, the reserved ones apart.
    init(parameters: Ext4Parameters, length: UInt64, inodes: UInt64) throws(Ext4Problem) {
        self.parameters = parameters
        descriptorSize = parameters.features.contains(.sixtyFourBit) ? 64 : 32
        let perBlock = UInt64(Self.blockSize / descriptorSize)
        var blocks = length / UInt64(Self.blockSize)
        // 2048 blocks: below that mke2fs makes no journal either. 16 TiB: block numbers are kept
        // in 32 bits here.
        guard blocks >= 2048, blocks <= UInt64(UInt32.max) else {
            throw .unsuitableSize(bytes: length)
        }

        let wanted = max(
            length / parameters.bytesPerInode,
            inodes + UInt64(Self.firstInode)
        )
        var groups = blocks.dividedRoundingUp(by: Self.blocksPerGroup)
        var perGroup = wanted.dividedRoundingUp(by: groups).roundedUp(to: Self.inodesPerBlock)
        // A last group too small for its own metadata is left off.
        let tail = blocks % Self.blocksPerGroup
        if groups > 1, tail != 0, tail < perGroup / Self.inodesPerBlock + 2 + 50 + 1100 {
            blocks -= tail
            groups -= 1
            perGroup = wanted.dividedRoundingUp(by: groups).roundedUp(to: Self.inodesPerBlock)
        }
        guard perGroup <= UInt64(Self.blockSize * 8) else { throw .tooManyInodes(count: inodes) }
        self.blocks = blocks
        self.groups = groups
        inodesPerGroup = perGroup
        descriptorBlocks = groups.dividedRoundingUp(by: perBlock)
        reservedDescriptorBlocks =
            parameters.features.contains(.resizeInode)
            ? Self.reservedDescriptorBlocks(blocks, perBlock, used: descriptorBlocks) : 0
        journalBlocks = parameters.features.contains(.hasJournal) ? Self.journalBlocks(blocks) : 0
    }

    var inodeTableBlocks: UInt64 { inodesPerGroup / Self.inodesPerBlock }
    var totalInodes: UInt64 { groups * inodesPerGroup }
    var hasChecksums: Bool { parameters.features.contains(.metadataCsum) }

    /// Room to grow a thousandfold, as mke2fs keeps it; an indirect block holds 1024 numbers.
    private static func reservedDescriptorBlocks(
        _ blocks: UInt64,
        _ perBlock: UInt64,
        used: UInt64
    ) -> UInt64 {
        let most = min(blocks * 1024, UInt64(UInt32.max))
        let needed = most.dividedRoundingUp(by: blocksPerGroup).dividedRoundingUp(by: perBlock)
        return min(needed > used ? needed - used : 0, 1024)
    }

    /// The sizes that mke2fs chooses for the journal.
    private static func journalBlocks(_ blocks: UInt64) -> UInt64 {
        switch blocks {
        case ..<32_768: 1024
        case ..<262_144: 4096
        case ..<524_288: 8192
        case ..<4_194_304: 16_384
        case ..<8_388_608: 32_768
        case ..<16_777_216: 65_536
        case ..<33_554_432: 131_072
        default: 262_144
        }
    }

    /// Whether the group holds a copy of the superblock: 0, 1 and the powers of 3, 5 and 7.
    func hasSuperblock(_ group: UInt64) -> Bool {
        guard parameters.features.contains(.sparseSuper) else { return true }
        if group <= 1 { return true }
        for base: UInt64 in [3, 5, 7] {
            var power = base
            while power < group { power *= base }
            if power == group { return true }
        }
        return false
    }

    func firstBlock(_ group: UInt64) -> UInt64 { group * Self.blocksPerGroup }

    func blockCount(_ group: UInt64) -> UInt64 {
        min(Self.blocksPerGroup, blocks - firstBlock(group))
    }

    /// Blocks of superblock and descriptors at the start of a group.
    func headBlocks(_ group: UInt64) -> UInt64 {
        hasSuperblock(group) ? 1 + descriptorBlocks + reservedDescriptorBlocks : 0
    }
}

/// Why a tree cannot be laid out.
package enum Ext4Problem: Error, Equatable {
    /// Smaller than 8 MiB, or more than the features can address.
    case unsuitableSize(bytes: UInt64)
    case tooManyInodes(count: UInt64)
    /// Both in bytes: what the tree needs so far, what the file system holds.
    case outOfSpace(needed: UInt64, available: UInt64)
    /// More than 65,000 names for one file.
    case tooManyLinks(path: String, count: Int)
    /// A target is at most 4,095 bytes.
    case symlinkTooLong(path: String, bytes: UInt64)
    /// The attributes do not fit the inode and one block; `bytes` is the size of the largest value.
    case xattrsTooLarge(path: String, bytes: Int)
    case xattrNameUnknown(path: String, name: String)
    /// 2³² blocks is what a file can have.
    case fileTooLarge(path: String, bytes: UInt64)
    case duplicateName(path: String)
    /// More entries than a directory index of two levels holds.
    case directoryTooLarge(path: String, blocks: Int)
    /// Two things were given the same block: a fault of the writer.
    case overlap(block: UInt64)
}
