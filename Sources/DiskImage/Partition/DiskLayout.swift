/// What a partition is for.
package enum PartitionRole: String, Sendable, CaseIterable {
    /// The EFI system partition.
    case esp
    case boot, swap, root
}

/// What is made in a partition.
package enum PartitionContent: Sendable, Equatable {
    case ext4(Ext4Parameters)
    case swap(label: String, uuid: VolumeUUID)
    /// At most 11 characters of upper-case ASCII, and the volume's serial number.
    case fat32(label: String, identifier: UInt32)
}

/// One partition of a layout. Offsets and lengths in bytes, multiples of 1 MiB.
package struct Partition: Sendable, Equatable {
    package var number: Int
    package var role: PartitionRole
    package var offset: UInt64
    package var length: UInt64
    package var content: PartitionContent
    /// Marked active in an MBR, legacy-bootable in a GPT: the one whose boot sector the disk's boot
    /// code starts.
    package var isBootable: Bool
    /// What a GPT knows the partition itself by.
    package var partitionUUID: VolumeUUID

    package var label: String {
        switch content {
        case .ext4(let parameters): parameters.label
        case .swap(let label, _), .fat32(let label, _): label
        }
    }

    /// In bytes of the disk.
    package var range: Range<UInt64> { offset..<(offset + length) }

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
    /// What firmware the disk starts from, and by which boot loader.
    package enum Scheme: String, Sendable, CaseIterable {
        /// MBR, extlinux: the partitions of gnome-continuous.
        case bios
        /// GPT, systemd-boot on an EFI system partition.
        case uefi
        /// GPT with both: either firmware starts the same kernels.
        case hybrid

        package var startsFromBIOS: Bool { self != .uefi }
        package var startsFromUEFI: Bool { self != .bios }
    }

    package let scheme: Scheme
    /// The disk's size in bytes.
    package let size: UInt64
    package let identity: DiskIdentity
    package let partitions: [Partition]

    package enum Problem: Error, Equatable {
        /// Both in bytes.
        case diskTooSmall(Scheme, size: UInt64, least: UInt64)
        /// The size in bytes is not a whole number of 512-byte sectors.
        case notWholeSectors(size: UInt64)
        /// An MBR addresses 2 TiB.
        case tooLargeForMBR(size: UInt64)
        /// The boot code is longer than the sector's 440 bytes.
        case bootCodeTooLong(bytes: Int)
        case badTable(GUIDPartitionTable.Problem)
    }

    package static let alignment: UInt64 = 1 << 20
    static let sectorSize: UInt64 = 512

    package func partition(_ role: PartitionRole) -> Partition? {
        partitions.first { $0.role == role }
    }

    /// One partition after another, the root last, so that it can grow with the disk. File systems are
    /// found by label.
    /// - Parameter size: of the disk in bytes.
    package init(_ scheme: Scheme, size: UInt64, identity: DiskIdentity) throws(Problem) {
        guard size % Self.sectorSize == 0 else { throw .notWholeSectors(size: size) }
        self.scheme = scheme
        self.size = size
        self.identity = identity
        var roles: [(role: PartitionRole, length: UInt64)] = [
            (.boot, 200 << 20), (.swap, 64 << 20),
        ]
        // FAT32 begins at some 33 MiB; a boot manager and a driver take 1.
        if scheme.startsFromUEFI { roles.insert((.esp, 64 << 20), at: 0) }
        let rootOffset = roles.reduce(Self.alignment) { $0 + $1.length }
        // A GPT has its copy at the end.
        let tail = scheme.startsFromUEFI ? Self.alignment : 0
        let least = rootOffset + (64 << 20) + tail
        guard size >= least else { throw .diskTooSmall(scheme, size: size, least: least) }
        if !scheme.startsFromUEFI, size / Self.sectorSize > UInt64(UInt32.max) {
            throw .tooLargeForMBR(size: size)
        }
        roles.append((.root, (size - tail - rootOffset) / Self.alignment * Self.alignment))
        var partitions: [Partition] = []
        var offset = Self.alignment
        for (role, length) in roles {
            partitions.append(
                Partition(
                    number: partitions.count + 1,
                    role: role,
                    offset: offset,
                    length: length,
                    content: Self.content(role, identity),
                    isBootable: role == .boot && scheme.startsFromBIOS,
                    partitionUUID: identity.uuid("partition \(role.rawValue)")
                )
            )
            offset += length
        }
        self.partitions = partitions
    }

    private static func content(_ role: PartitionRole, _ identity: DiskIdentity) -> PartitionContent
    {
        let uuid = identity.uuid("filesystem \(role.rawValue)")
        switch role {
        case .esp: return .fat32(label: "ESP", identifier: uuid.bytes.getLE(UInt32.self, at: 0))
        case .swap: return .swap(label: "gnostree-swap", uuid: uuid)
        case .boot, .root:
            return .ext4(
                Ext4Parameters(
                    features: role == .boot
                        ? Ext4Parameters.bootFeatures : Ext4Parameters.rootFeatures,
                    label: "gnostree-\(role.rawValue)",
                    uuid: uuid,
                    hashSeed: identity.uuid("hash seed \(role.rawValue)")
                )
            )
        }
    }

    /// The partition table, as the sectors to write.
    /// - Parameter bootCode: for the first sector, at most 440 bytes; empty for a disk not started so.
    package func tableSectors(bootCode: [UInt8]) throws(Problem) -> [DiskWrite] {
        guard bootCode.count <= 440 else { throw .bootCodeTooLong(bytes: bootCode.count) }
        if !scheme.startsFromUEFI {
            return try MasterBootRecord(layout: self).sectors(bootCode: bootCode)
        }
        do throws(GUIDPartitionTable.Problem) {
            return try GUIDPartitionTable(
                size: size,
                uuid: identity.uuid("disk"),
                entries: partitions.map { partition in
                    GUIDPartitionTable.Entry(
                        kind: partition.role.kind,
                        uuid: partition.partitionUUID,
                        range: partition.range,
                        name: partition.label,
                        isLegacyBootable: partition.isBootable
                    )
                }
            ).sectors(bootCode: bootCode)
        } catch {
            throw .badTable(error)
        }
    }
}

extension PartitionRole {
    fileprivate var kind: GUIDPartitionTable.Kind {
        switch self {
        case .esp: .efiSystem
        case .boot: .extendedBoot
        case .swap: .linuxSwap
        case .root: .linuxRootX8664
        }
    }
}
