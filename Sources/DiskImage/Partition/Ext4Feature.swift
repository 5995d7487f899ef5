/// One ext4 feature, by the name that mke2fs knows it under.
///
/// The features of each file system come from these tables for the VM's mke2fs and for our own
/// writer alike, never from the mke2fs.conf of the tree that is being installed.
package enum Ext4Feature: String, CaseIterable, Sendable {
    case hasJournal = "has_journal"
    case extAttr = "ext_attr"
    case resizeInode = "resize_inode"
    case dirIndex = "dir_index"
    case filetype
    case extent
    case sixtyFourBit = "64bit"
    case flexBG = "flex_bg"
    case sparseSuper = "sparse_super"
    case largeFile = "large_file"
    case hugeFile = "huge_file"
    case dirNlink = "dir_nlink"
    case extraIsize = "extra_isize"
    case metadataCsum = "metadata_csum"

    /// The bit in s_feature_compat, s_feature_incompat or s_feature_ro_compat (fs/ext4/ext4.h).
    package var bit: (word: Word, mask: UInt32) {
        switch self {
        case .hasJournal: (.compatible, 0x4)
        case .extAttr: (.compatible, 0x8)
        case .resizeInode: (.compatible, 0x10)
        case .dirIndex: (.compatible, 0x20)
        case .filetype: (.incompatible, 0x2)
        case .extent: (.incompatible, 0x40)
        case .sixtyFourBit: (.incompatible, 0x80)
        case .flexBG: (.incompatible, 0x200)
        case .sparseSuper: (.readOnlyCompatible, 0x1)
        case .largeFile: (.readOnlyCompatible, 0x2)
        case .hugeFile: (.readOnlyCompatible, 0x8)
        case .dirNlink: (.readOnlyCompatible, 0x20)
        case .extraIsize: (.readOnlyCompatible, 0x40)
        case .metadataCsum: (.readOnlyCompatible, 0x400)
        }
    }

    package enum Word: Sendable { case compatible, incompatible, readOnlyCompatible }
}

/// The file systems that are made, with what each is made of.
package struct Ext4Parameters: Sendable, Equatable {
    package var features: Set<Ext4Feature>
    /// Bytes of disk for each inode.
    package var bytesPerInode: UInt64 = 16_384
    /// Per cent of the blocks kept for root.
    package var reservedPercent: UInt64 = 5
    package var label: String
    package var uuid: VolumeUUID
    package var hashSeed: VolumeUUID

    /// Root: checksummed, and with resize_inode, since the kernel grows a mounted file system
    /// only so (it refuses sparse_super2).
    package static let rootFeatures = Set(Ext4Feature.allCases)

    /// /boot: what extlinux's reader understands. It knows neither 64-bit block numbers in every
    /// version nor checksums, and writes nothing, so both are left out. It is never grown.
    package static let bootFeatures = Set(Ext4Feature.allCases)
        .subtracting([.sixtyFourBit, .metadataCsum, .resizeInode])

    package init(features: Set<Ext4Feature>, label: String, uuid: VolumeUUID, hashSeed: VolumeUUID)
    {
        self.features = features
        self.label = label
        self.uuid = uuid
        self.hashSeed = hashSeed
    }

    /// The arguments of mke2fs up to the device, for the same file system as our writer makes.
    /// `-O none` first drops whatever the installed mke2fs.conf would add.
    package var mke2fsArguments: [String] {
        let names = Ext4Feature.allCases.filter(features.contains).map(\.rawValue)
        return [
            "-q", "-F", "-t", "ext4", "-b", "4096", "-I", "256",
            "-i", String(bytesPerInode), "-m", String(reservedPercent),
            "-O", (["none"] + names).joined(separator: ","),
            "-L", label, "-U", uuid.description,
            "-E",
            "hash_seed=\(hashSeed),lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=0:0",
        ]
    }
}
