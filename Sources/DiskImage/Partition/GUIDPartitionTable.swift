import Checksums

/// A GUID partition table (UEFI 2.10, chapter 5): a protective MBR, the header and its 128 entries,
/// and a copy of both at the end of the disk.
package struct GUIDPartitionTable: Sendable, Equatable {
    /// What a partition holds; UEFI and the Discoverable Partitions Specification list the values.
    package enum Kind: String, Sendable, CaseIterable {
        case efiSystem = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
        /// Where a BIOS boot loader keeps its second stage.
        case biosBoot = "21686148-6449-6e6f-744e-656564454649"
        case linux = "0fc63daf-8483-4772-8e79-3d69d8477de4"
        case linuxSwap = "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f"
        case linuxRootX8664 = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"
        /// /boot, as the Boot Loader Specification finds it.
        case extendedBoot = "bc13c2ff-59e6-4262-a352-b275fd6f7172"
    }

    package struct Entry: Sendable, Equatable {
        package var kind: Kind
        package var uuid: VolumeUUID
        /// In bytes of the disk, whole sectors.
        package var range: Range<UInt64>
        /// At most 36 UTF-16 units.
        package var name: String
        /// Bit 2: an old BIOS starts this one (syslinux' gptmbr.bin looks for it).
        package var isLegacyBootable: Bool

        package init(
            kind: Kind,
            uuid: VolumeUUID,
            range: Range<UInt64>,
            name: String,
            isLegacyBootable: Bool = false
        ) {
            self.kind = kind
            self.uuid = uuid
            self.range = range
            self.name = name
            self.isLegacyBootable = isLegacyBootable
        }
    }

    package enum Problem: Error, Equatable {
        case notWholeSectors(size: UInt64)
        /// Bytes that the tables take at each end; a partition lies in them or overlaps another.
        case misplaced(name: String)
        case tooManyEntries(count: Int)
        case nameTooLong(name: String)
        case bootCodeTooLong(bytes: Int)
    }

    private let size: UInt64
    private let uuid: VolumeUUID
    private let entries: [Entry]

    private static let sector: UInt64 = 512
    private static let entryCount = 128
    private static let entrySize = 128
    /// Sectors of entries.
    private static let entrySectors = UInt64(entryCount * entrySize) / sector
    /// Sectors that the tables take at the start; at the end one fewer, without the MBR.
    private static let headSectors = 2 + entrySectors

    /// - Parameters:
    ///   - size: of the disk in bytes.
    ///   - entries: in the order of their numbers, from 1.
    package init(size: UInt64, uuid: VolumeUUID, entries: [Entry]) throws(Problem) {
        guard size % Self.sector == 0, size / Self.sector > 2 * Self.headSectors else {
            throw .notWholeSectors(size: size)
        }
        guard entries.count <= Self.entryCount else { throw .tooManyEntries(count: entries.count) }
        var end = Self.headSectors * Self.sector
        for entry in entries.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
            let isWhole =
                entry.range.lowerBound % Self.sector == 0
                && entry.range.upperBound % Self.sector == 0 && !entry.range.isEmpty
            guard isWhole, entry.range.lowerBound >= end,
                entry.range.upperBound <= size - (Self.headSectors - 1) * Self.sector
            else { throw .misplaced(name: entry.name) }
            guard entry.name.utf16.count <= 36 else { throw .nameTooLong(name: entry.name) }
            end = entry.range.upperBound
        }
        self.size = size
        self.uuid = uuid
        self.entries = entries
    }

    /// Everything to write.
    /// - Parameter bootCode: for the protective MBR, at most 440 bytes.
    package func sectors(bootCode: [UInt8] = []) throws(Problem) -> [DiskWrite] {
        guard bootCode.count <= 440 else { throw .bootCodeTooLong(bytes: bootCode.count) }
        let table = entryTable
        let last = size / Self.sector - 1
        let tableCopy = last - Self.entrySectors
        return [
            DiskWrite(offset: 0, bytes: protectiveMBR(bootCode)),
            DiskWrite(offset: Self.sector, bytes: header(at: 1, other: last, table: 2, table)),
            DiskWrite(offset: 2 * Self.sector, bytes: table),
            DiskWrite(offset: tableCopy * Self.sector, bytes: table),
            DiskWrite(
                offset: last * Self.sector,
                bytes: header(at: last, other: 1, table: tableCopy, table)
            ),
        ]
    }

    /// One partition over everything, so that older programs leave the disk alone.
    private func protectiveMBR(_ bootCode: [UInt8]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(Self.sector))
        bytes.put(bootCode, at: 0)
        bytes.put([0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff], at: 446)
        bytes.putLE(UInt32(1), at: 454)
        bytes.putLE(UInt32(clamping: size / Self.sector - 1), at: 458)
        bytes.putLE(UInt16(0xaa55), at: 510)
        return bytes
    }

    private var entryTable: [UInt8] {
        var table = [UInt8](repeating: 0, count: Self.entryCount * Self.entrySize)
        for (i, entry) in entries.enumerated() {
            let at = i * Self.entrySize
            table.put(VolumeUUID(entry.kind.rawValue)?.guidBytes ?? [], at: at)
            table.put(entry.uuid.guidBytes, at: at + 16)
            table.putLE(entry.range.lowerBound / Self.sector, at: at + 32)
            table.putLE(entry.range.upperBound / Self.sector - 1, at: at + 40)
            table.putLE(UInt64(entry.isLegacyBootable ? 4 : 0), at: at + 48)
            for (n, unit) in entry.name.utf16.enumerated() {
                table.putLE(unit, at: at + 56 + 2 * n)
            }
        }
        return table
    }

    private func header(at own: UInt64, other: UInt64, table at: UInt64, _ table: [UInt8])
        -> [UInt8]
    {
        var bytes = [UInt8](repeating: 0, count: Int(Self.sector))
        bytes.put("EFI PART".utf8, at: 0)
        bytes.putLE(UInt32(0x1_0000), at: 8)
        bytes.putLE(UInt32(92), at: 12)
        bytes.putLE(own, at: 24)
        bytes.putLE(other, at: 32)
        bytes.putLE(Self.headSectors, at: 40)
        bytes.putLE(size / Self.sector - Self.headSectors, at: 48)
        bytes.put(uuid.guidBytes, at: 56)
        bytes.putLE(at, at: 72)
        bytes.putLE(UInt32(Self.entryCount), at: 80)
        bytes.putLE(UInt32(Self.entrySize), at: 84)
        bytes.putLE(CRC32.checksum(table), at: 88)
        bytes.putLE(CRC32.checksum(bytes[..<92]), at: 16)
        return bytes
    }
}
