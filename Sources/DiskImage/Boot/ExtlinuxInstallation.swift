/// extlinux installed on a partition: what its installer would leave, without a mounted file
/// system (libinstaller/syslxmod.c, setadv.c and extlinux/main.c of syslinux say what that is).
package struct ExtlinuxInstallation: Sendable {
    /// The first 512 bytes of the partition.
    package let bootSector: [UInt8]
    /// The whole file `ldlinux.sys`.
    package let loader: [UInt8]

    /// Bytes of `ldlinux.sys`: the loader and two sectors of auxiliary data.
    package static func loaderSize(_ program: ExtlinuxProgram) -> UInt64 {
        UInt64((program.loader.count + sector - 1) / sector + 2) * UInt64(sector)
    }

    private static let sector = 512

    /// - Parameters:
    ///   - sectors: where each sector of `ldlinux.sys` lies, counted from the partition's start.
    ///   - folder: of `ldlinux.sys` in the file system, `/syslinux`.
    ///   - partition: in bytes of the disk.
    package init(
        program: ExtlinuxProgram,
        sectors: [UInt64],
        folder: String,
        partition: Range<UInt64>
    ) throws(ExtlinuxProgram.Problem) {
        var image = program.loader
        var boot = program.bootSector
        let count = (image.count + Self.sector - 1) / Self.sector
        guard sectors.count == count + 2,
            let patch = ExtlinuxProgram.magicOffset(image.prefix(128)), patch + 24 <= image.count
        else { throw .notFound(part: "patch area") }
        let extended = Int(image.getLE(UInt16.self, at: patch + 22))
        guard extended + 20 <= image.count else { throw .notFound(part: "extended patch area") }
        func field(_ n: Int) -> Int { Int(image.getLE(UInt16.self, at: extended + 2 * n)) }
        let advPointers = field(0)
        let (directory, directoryLength) = (field(1), field(2))
        let (map, mapCount) = (field(5), field(6))
        let (low, high) = (field(7), field(8))
        guard advPointers + 16 <= image.count, directory + directoryLength <= image.count,
            map + 10 * mapCount <= image.count, low + 4 <= boot.count, high + 4 <= boot.count
        else { throw .notFound(part: "extended patch area") }
        guard folder.utf8.count < directoryLength else {
            throw .pathTooLong(bytes: folder.utf8.count)
        }

        // The boot sector loads the first sector, which loads the rest by the map.
        boot.putLE(UInt32(truncatingIfNeeded: sectors[0]), at: low)
        boot.putLE(UInt32(truncatingIfNeeded: sectors[0] >> 32), at: high)
        Self.putGeometry(partition, into: &boot)

        let extents = Self.extents(sectors[1..<count])
        guard extents.count <= mapCount else { throw .tooManyExtents(count: extents.count) }
        image.put(repeatElement(0, count: 10 * mapCount), at: map)
        for (i, extent) in extents.enumerated() {
            image.putLE(extent.start, at: map + 10 * i)
            image.putLE(UInt16(extent.count), at: map + 10 * i + 8)
        }
        image.putLE(sectors[count], at: advPointers)
        image.putLE(sectors[count + 1], at: advPointers + 8)
        image.put(Array(folder.utf8) + [0], at: directory)
        image.putLE(UInt16(count), at: patch + 8)
        image.putLE(UInt16(2), at: patch + 10)
        image.putLE(UInt32(image.count / 4), at: patch + 12)
        image.putLE(UInt32(0), at: patch + 16)
        var sum: UInt32 = 0x3eb2_02fe
        for at in stride(from: 0, to: image.count / 4 * 4, by: 4) {
            sum &-= image.getLE(UInt32.self, at: at)
        }
        image.putLE(sum, at: patch + 16)

        bootSector = boot
        let padding = [UInt8](repeating: 0, count: count * Self.sector - image.count)
        loader = image + padding + Self.auxiliaryData + Self.auxiliaryData
    }

    /// Sectors that follow one another, at most 127 in one piece (64 KiB less a sector).
    private static func extents(_ sectors: ArraySlice<UInt64>) -> [(start: UInt64, count: Int)] {
        var extents: [(start: UInt64, count: Int)] = []
        for sector in sectors {
            if let last = extents.last, last.start + UInt64(last.count) == sector, last.count < 127
            {
                extents[extents.count - 1].count += 1
            } else {
                extents.append((sector, 1))
            }
        }
        return extents
    }

    /// The fields of a FAT boot sector, which the code shares with that of FAT. On a hard disk it
    /// asks the BIOS for heads and sectors; these are what virtio disks say.
    private static func putGeometry(_ partition: Range<UInt64>, into boot: inout [UInt8]) {
        let sectors = UInt64(partition.count) / UInt64(sector)
        boot.putLE(UInt16(sector), at: 0x0b)
        boot.putLE(UInt16(sectors < 65_536 ? sectors : 0), at: 0x13)
        boot.putLE(UInt16(63), at: 0x18)
        boot.putLE(UInt16(16), at: 0x1a)
        boot.putLE(UInt32(truncatingIfNeeded: partition.lowerBound / UInt64(sector)), at: 0x1c)
        boot.putLE(UInt32(truncatingIfNeeded: sectors), at: 0x20)
        boot.putLE(UInt16(0xaa55), at: 510)
    }

    /// The auxiliary data vector, empty: head, checksum, nothing, tail.
    private static let auxiliaryData: [UInt8] = {
        var bytes = [UInt8](repeating: 0, count: sector)
        bytes.putLE(UInt32(0x5a2d_2fa5), at: 0)
        bytes.putLE(UInt32(0xa304_1767), at: 4)
        bytes.putLE(UInt32(0xdd28_bf64), at: sector - 4)
        return bytes
    }()
}
