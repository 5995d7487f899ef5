import Checksums

/// The superblock of an ext4 file system on a disk, and whether the kernel is to use its journal.
///
/// A file system that is written once and thrown away if that fails needs no journal while it is
/// written. The feature's bit alone says whether the kernel uses one: without it the journal's inode
/// keeps its blocks, and with it again all is as before
/// (Documentation/filesystems/ext4/super.rst in the kernel's tree).
package struct JournalSetting: Sendable {
    /// Where a superblock lies in its partition, and how long it is, in bytes.
    package static let offset: Int64 = 1024
    package static let length = 1024

    /// The superblock.
    package private(set) var bytes: [UInt8]

    private enum Field {
        static let magic = 0x38
        static let state = 0x3a
        static let compatible = 0x5c
        static let incompatible = 0x60
        static let readOnlyCompatible = 0x64
        static let journalInode = 0xe0
        static let firstOrphan = 0xe8
        static let checksum = 0x3fc
    }
    private static let magic: UInt16 = 0xef53
    /// Cleanly unmounted, and without an error that was found.
    private static let clean: UInt16 = 1
    /// What lies in the journal has to be written to the file system first.
    private static let needsRecovery: UInt32 = 0x4

    /// nil where that is no superblock of ext4.
    package init?(_ superblock: [UInt8]) {
        guard superblock.count == Self.length,
            superblock.getLE(UInt16.self, at: Field.magic) == Self.magic
        else { return nil }
        bytes = superblock
    }

    /// Whether the kernel uses the journal, which is there.
    package var isOn: Bool {
        get {
            bytes.getLE(UInt32.self, at: Field.compatible) & Ext4Feature.hasJournal.bit.mask != 0
        }
        set {
            let mask = Ext4Feature.hasJournal.bit.mask
            let features = bytes.getLE(UInt32.self, at: Field.compatible)
            bytes.putLE(newValue ? features | mask : features & ~mask, at: Field.compatible)
            setChecksum()
        }
    }

    /// Whether there is a journal inside of the file system that is in use and has nothing to tell.
    package var canBeOff: Bool {
        isOn && bytes.getLE(UInt16.self, at: Field.state) == Self.clean
            && bytes.getLE(UInt32.self, at: Field.incompatible) & Self.needsRecovery == 0
            && bytes.getLE(UInt32.self, at: Field.journalInode) != 0
            && bytes.getLE(UInt32.self, at: Field.firstOrphan) == 0
    }

    private mutating func setChecksum() {
        let features = bytes.getLE(UInt32.self, at: Field.readOnlyCompatible)
        guard features & Ext4Feature.metadataCsum.bit.mask != 0 else { return }
        var sum = CRC32C()
        sum.update(bytes[..<Field.checksum])
        bytes.putLE(sum.register, at: Field.checksum)
    }
}
