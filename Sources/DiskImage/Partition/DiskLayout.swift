/// What a partition is for.
package enum PartitionRole: String, Sendable, CaseIterable {
    case boot, swap, root
}

/// What is made in a partition.
package enum PartitionContent: Sendable, Equatable {
    case ext4(Ext4Parameters)
    case swap(label: String, uuid: VolumeUUID)
}

/// One partition of a layout. Offsets and lengths in bytes, multiples of 1 MiB.
package struct Partition: Sendable, Equatable {
    package var number: Int
    package var role: PartitionRole
    package var offset: UInt64
    package var length: UInt64
    package var content: PartitionContent
    /// Marked active in an MBR: the one whose boot sector the MBR code starts.
    package var isBootable: Bool

    package var label: String {
        switch content {
        case .ext4(let parameters): parameters.label
        case .swap(let label, _): label
        }
    }

    package var uuid: VolumeUUID {
        switch content {
        case .ext4(let parameters): parameters.uuid
        case .swap(_, let uuid): uuid
        }
    }

    /// The arguments of mke2fs up to the device; nil where mke2fs has no part.
    package var mke2fsArguments: [String]? {
        if case .ext4(let parameters) = content { parameters.mke2fsArguments } else { nil }
    }
}

/// Some bytes at an offset of the disk.
package struct DiskWrite: Sendable, Equatable {
    package var offset: UInt64
    package var bytes: [UInt8]

    package init(offset: UInt64, bytes: [UInt8]) {
        self.offset = offset
        self.bytes = bytes
    }
}

/// Where everything lies on a disk of a given size.
package struct DiskLayout: Sendable, Equatable {
    /// The disk's size in bytes.
    package let size: UInt64
    package let identity: DiskIdentity
    package let partitions: [Partition]

    package enum Problem: Error, Equatable {
        /// Both in bytes.
        case diskTooSmall(size: UInt64, least: UInt64)
        /// The size in bytes is not a whole number of 512-byte sectors.
        case notWholeSectors(size: UInt64)
        /// An MBR addresses 2 TiB.
        case tooLargeForMBR(size: UInt64)
        /// The boot code is longer than the sector's 440 bytes.
        case bootCodeTooLong(bytes: Int)
    }

    package static let alignment: UInt64 = 1 << 20
    static let sectorSize: UInt64 = 512

    package func partition(_ role: PartitionRole) -> Partition? {
        partitions.first { $0.role == role }
    }

    /// The layout of gnome-continuous: MBR; /boot of 200 MiB for extlinux, swap of 64 MiB, and the
    /// rest for the root; everything found by label.
    /// - Parameter size: of the disk in bytes.
    package static func bios(size: UInt64, identity: DiskIdentity) throws(Problem) -> DiskLayout {
        let mebibyte: UInt64 = 1 << 20
        let bootLength = 200 * mebibyte
        let swapLength = 64 * mebibyte
        let rootOffset = alignment + bootLength + swapLength
        let least = rootOffset + 64 * mebibyte
        guard size % sectorSize == 0 else { throw .notWholeSectors(size: size) }
        guard size >= least else { throw .diskTooSmall(size: size, least: least) }
        guard size / sectorSize <= UInt64(UInt32.max) else { throw .tooLargeForMBR(size: size) }
        let rootLength = (size - rootOffset) / alignment * alignment

        func ext4(_ role: PartitionRole, _ features: Set<Ext4Feature>) -> PartitionContent {
            .ext4(
                Ext4Parameters(
                    features: features,
                    label: "gnostree-\(role.rawValue)",
                    uuid: identity.uuid("filesystem \(role.rawValue)"),
                    hashSeed: identity.uuid("hash seed \(role.rawValue)")
                )
            )
        }
        return DiskLayout(
            size: size,
            identity: identity,
            partitions: [
                Partition(
                    number: 1,
                    role: .boot,
                    offset: alignment,
                    length: bootLength,
                    content: ext4(.boot, Ext4Parameters.bootFeatures),
                    isBootable: true
                ),
                Partition(
                    number: 2,
                    role: .swap,
                    offset: alignment + bootLength,
                    length: swapLength,
                    content: .swap(label: "gnostree-swap", uuid: identity.uuid("filesystem swap")),
                    isBootable: false
                ),
                Partition(
                    number: 3,
                    role: .root,
                    offset: rootOffset,
                    length: rootLength,
                    content: ext4(.root, Ext4Parameters.rootFeatures),
                    isBootable: false
                ),
            ]
        )
    }

    /// The partition table, as the sectors to write.
    /// - Parameter bootCode: the MBR's code, at most 440 bytes; empty for a disk not started so.
    package func tableSectors(bootCode: [UInt8]) throws(Problem) -> [DiskWrite] {
        try MasterBootRecord(layout: self).sectors(bootCode: bootCode)
    }
}
