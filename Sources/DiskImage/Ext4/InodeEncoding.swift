import Checksums

/// The bytes of inodes (Documentation/filesystems/ext4/inodes.rst in the kernel's tree).
struct InodeImage {
    var mode: UInt16 = 0
    var uid: UInt32 = 0
    var gid: UInt32 = 0
    var size: UInt64 = 0
    var links: UInt32 = 1
    /// Blocks of 4 KiB, tree and attribute blocks included.
    var blocks: UInt64 = 0
    var flags: UInt32 = 0
    var modified: Int64 = 0
    var created: Int64 = 0
    /// The 60 bytes of extents, block numbers, target or device number.
    var content = [UInt8](repeating: 0, count: 60)
    var xattrBlock: UInt64 = 0
    var inlineXattrs: [UInt8] = []

    static let extentsFlag: UInt32 = 0x8_0000
    static let indexFlag: UInt32 = 0x1000
    static let immutableFlag: UInt32 = 0x10

    /// Stores the inode at `at`.
    /// - Parameter seed: carried on from the UUID; nil without checksums.
    func encode(into bytes: inout [UInt8], at: Int, number: UInt32, seed: CRC32C?) {
        bytes.putLE(mode, at: at)
        bytes.putLE(UInt16(truncatingIfNeeded: uid), at: at + 2)
        bytes.putLE(UInt32(truncatingIfNeeded: size), at: at + 4)
        putTime(created, low: 8, extra: 0x8c, into: &bytes, at: at)
        putTime(created, low: 0xc, extra: 0x84, into: &bytes, at: at)
        putTime(modified, low: 0x10, extra: 0x88, into: &bytes, at: at)
        putTime(created, low: 0x90, extra: 0x94, into: &bytes, at: at)
        bytes.putLE(UInt16(truncatingIfNeeded: gid), at: at + 0x18)
        // With dir_nlink a directory's count beyond 65,000 is stored as 1.
        bytes.putLE(UInt16(links > 65_000 ? 1 : links), at: at + 0x1a)
        let sectors = blocks * 8
        bytes.putLE(UInt32(truncatingIfNeeded: sectors), at: at + 0x1c)
        bytes.putLE(UInt16(truncatingIfNeeded: sectors >> 32), at: at + 0x74)
        bytes.putLE(flags, at: at + 0x20)
        bytes.put(content, at: at + 0x28)
        bytes.putLE(UInt32(truncatingIfNeeded: xattrBlock), at: at + 0x68)
        bytes.putLE(UInt16(truncatingIfNeeded: xattrBlock >> 32), at: at + 0x76)
        bytes.putLE(UInt32(truncatingIfNeeded: size >> 32), at: at + 0x6c)
        bytes.putLE(UInt16(truncatingIfNeeded: uid >> 16), at: at + 0x78)
        bytes.putLE(UInt16(truncatingIfNeeded: gid >> 16), at: at + 0x7a)
        bytes.putLE(UInt16(32), at: at + 0x80)
        bytes.put(inlineXattrs, at: at + 0xa0)
        guard let seed else { return }
        var sum = Self.seed(seed, number: number)
        sum.update(bytes[at..<(at + Ext4Geometry.inodeSize)])
        bytes.putLE(UInt16(truncatingIfNeeded: sum.register), at: at + 0x7c)
        bytes.putLE(UInt16(truncatingIfNeeded: sum.register >> 16), at: at + 0x82)
    }

    /// The checksum carried on over an inode's number and generation (0 here).
    static func seed(_ seed: CRC32C, number: UInt32) -> CRC32C {
        var sum = seed
        sum.update(le: number)
        sum.update(le: 0)
        return sum
    }

    /// 34 bits of seconds: 32 signed, and two that count epochs of 2³² seconds.
    private func putTime(_ time: Int64, low: Int, extra: Int, into bytes: inout [UInt8], at: Int) {
        let clamped = min(max(time, Int64(Int32.min)), (3 << 32) + Int64(Int32.max))
        let base = Int32(truncatingIfNeeded: clamped)
        bytes.putLE(UInt32(bitPattern: base), at: at + low)
        bytes.putLE(UInt32((clamped - Int64(base)) >> 32 & 3), at: at + extra)
    }
}

extension Ext4FileSystem {
    func inodeImage(_ index: Int) -> InodeImage {
        let node = tree.nodes[index]
        var image = InodeImage()
        image.mode = node.mode
        image.uid = node.uid
        image.gid = node.gid
        image.links = node.links
        image.modified = node.modified
        image.created = created
        image.inlineXattrs = xattrLayouts[Int(node.xattrs.index)].inInode
        if node.immutable { image.flags |= InodeImage.immutableFlag }
        if let block = xattrBlockOfNode[index] {
            image.xattrBlock = block
            image.blocks += 1
        }
        switch node.kind {
        case .directory:
            let blocks = directoryBlocks(index)
            image.size = blocks * UInt64(Ext4Geometry.blockSize)
            // Root also holds lost+found.
            if index == 0 { image.links += 1 }
            if blocks > 1 { image.flags |= InodeImage.indexFlag }
            putExtents(extents(ofDirectory: index), index, &image)
            image.blocks += blocks
        case .file:
            image.size = node.size
            putExtents(extents(of: index), index, &image)
            image.blocks += blocksOfContents(index)
        case .symlink:
            image.size = node.size
            if node.size < 60 {
                image.content.put(tree.target(node), at: 0)
            } else {
                putExtents(extents(of: index), index, &image)
                image.blocks += 1
            }
        case .characterDevice, .blockDevice:
            putDevice(node.size, &image)
        case .fifo, .socket:
            break
        }
        return image
    }

    private func putExtents(_ extents: [Extent], _ index: Int, _ image: inout InodeImage) {
        let blocks = extentBlocks[index] ?? []
        image.content = ExtentTree(extents).encode(blocks: blocks, seed: nil).inode
        image.flags |= InodeImage.extentsFlag
        image.blocks += UInt64(blocks.count)
    }

    /// The old form of 8 + 8 bits where it is enough, else the new one of 12 + 20.
    private func putDevice(_ number: UInt64, _ image: inout InodeImage) {
        let major = UInt32(truncatingIfNeeded: number >> 32)
        let minor = UInt32(truncatingIfNeeded: number)
        if major < 256 && minor < 256 {
            image.content.putLE(major << 8 | minor, at: 0)
        } else {
            image.content.putLE(minor & 0xff | major << 8 | (minor & ~0xff) << 12, at: 4)
        }
    }
}
