/// The classic partition table: one sector, four entries of 16 bytes at 446, signature 55 AA.
struct MasterBootRecord {
    let layout: DiskLayout

    func sectors(bootCode: [UInt8]) throws(DiskLayout.Problem) -> [DiskWrite] {
        guard bootCode.count <= 440 else { throw .bootCodeTooLong(bytes: bootCode.count) }
        var sector = [UInt8](repeating: 0, count: Int(DiskLayout.sectorSize))
        sector.put(bootCode, at: 0)
        sector.putLE(layout.identity.mbrSignature, at: 440)
        for partition in layout.partitions where (1...4).contains(partition.number) {
            sector.put(entry(partition), at: 446 + 16 * (partition.number - 1))
        }
        sector.putLE(UInt16(0xaa55), at: 510)
        return [DiskWrite(offset: 0, bytes: sector)]
    }

    private func entry(_ partition: Partition) -> [UInt8] {
        let first = partition.offset / DiskLayout.sectorSize
        let count = partition.length / DiskLayout.sectorSize
        var entry = [UInt8](repeating: 0, count: 16)
        entry[0] = partition.isBootable ? 0x80 : 0
        entry.put(cylinderHeadSector(first), at: 1)
        entry[4] = partition.role == .swap ? 0x82 : 0x83
        entry.put(cylinderHeadSector(first + count - 1), at: 5)
        entry.putLE(UInt32(truncatingIfNeeded: first), at: 8)
        entry.putLE(UInt32(truncatingIfNeeded: count), at: 12)
        return entry
    }

    /// The address with 255 heads and 63 sectors a track; FE FF FF where it has no such form.
    private func cylinderHeadSector(_ sector: UInt64) -> [UInt8] {
        let cylinder = sector / (255 * 63)
        guard cylinder <= 1023 else { return [0xfe, 0xff, 0xff] }
        let head = sector / 63 % 255
        return [
            UInt8(head),
            UInt8(sector % 63 + 1) | UInt8(cylinder >> 8) << 6,
            UInt8(truncatingIfNeeded: cylinder),
        ]
    }
}
