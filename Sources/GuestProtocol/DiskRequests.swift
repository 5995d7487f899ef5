/// A disk, or one partition of it, named by the serial that QEMU gave the disk (virtio-blk cuts it
/// at 20 bytes) and never by `vda`: the kernel's names depend on the order of discovery.
package struct BlockDevice: Hashable, WireValue, CustomStringConvertible {
    package var serial: String
    /// Partition number from 1; nil for the whole disk.
    package var partition: UInt32?

    package init(serial: String, partition: UInt32? = nil) {
        self.serial = serial
        self.partition = partition
    }

    package init(from reader: inout WireReader) throws(WireError) {
        serial = try reader.string()
        partition = try reader.optionalInteger()
    }

    package func encode(into writer: inout WireWriter) {
        writer.append(serial)
        writer.append(partition)
    }

    package var description: String {
        partition.map { "disk \(serial) partition \($0)" } ?? "disk \(serial)"
    }
}

/// Raw writes to a whole disk, then BLKRRPART; answered when the partitions' nodes exist.
package struct WriteSectors: WireValue {
    package struct Extent: WireValue {
        /// Bytes from the disk's start.
        package var offset: UInt64
        package var bytes: [UInt8]

        package init(offset: UInt64, bytes: [UInt8]) {
            self.offset = offset
            self.bytes = bytes
        }

        package init(from reader: inout WireReader) throws(WireError) {
            offset = try reader.integer()
            bytes = try reader.blob()
        }

        package func encode(into writer: inout WireWriter) {
            writer.append(offset)
            writer.append(bytes)
        }
    }

    package var serial: String
    package var extents: [Extent]
    /// Partition numbers that must exist afterwards.
    package var partitions: [UInt32]

    package init(serial: String, extents: [Extent], partitions: [UInt32]) {
        self.serial = serial
        self.extents = extents
        self.partitions = partitions
    }

    package init(from reader: inout WireReader) throws(WireError) {
        serial = try reader.string()
        extents = try reader.list()
        let count: UInt8 = try reader.integer()
        var numbers: [UInt32] = []
        for _ in 0..<count { numbers.append(try reader.integer()) }
        partitions = numbers
    }

    package func encode(into writer: inout WireWriter) {
        writer.append(serial)
        writer.append(extents)
        let listed = partitions.prefix(Int(UInt8.max))
        writer.append(UInt8(listed.count))
        for number in listed { writer.append(number) }
    }
}

/// Makes one file system with the commit's own tools (swap: by the agent itself).
package struct MakeFileSystem: WireValue {
    package enum Kind: UInt8, WireValue { case ext4 = 1, vfat, swap }

    package var device: BlockDevice
    package var kind: Kind
    package var label: String
    /// ext4, swap: 8-4-4-4-12 hexadecimal digits. vfat: the volume serial, 8 hexadecimal digits.
    /// nil lets the tool choose.
    package var uuid: String?
    /// ext4: for `mke2fs -O`, for instance `^64bit`.
    package var features: [String]
    /// ext4: UUID for `mke2fs -E hash_seed=`, so that directories hash alike in every run.
    package var hashSeed: String?
    /// ext4: more for `mke2fs -E`, for instance `lazy_itable_init=1`.
    package var extendedOptions: [String]
    /// More arguments of mke2fs or mkfs.vfat, before the device.
    package var extraArguments: [String]

    package init(
        device: BlockDevice,
        kind: Kind,
        label: String,
        uuid: String? = nil,
        features: [String] = [],
        hashSeed: String? = nil,
        extendedOptions: [String] = [],
        extraArguments: [String] = []
    ) {
        self.device = device
        self.kind = kind
        self.label = label
        self.uuid = uuid
        self.features = features
        self.hashSeed = hashSeed
        self.extendedOptions = extendedOptions
        self.extraArguments = extraArguments
    }

    package init(from reader: inout WireReader) throws(WireError) {
        device = try reader.value()
        kind = try reader.value()
        label = try reader.string()
        uuid = try reader.optionalString()
        features = try reader.strings()
        hashSeed = try reader.optionalString()
        extendedOptions = try reader.strings()
        extraArguments = try reader.strings()
    }

    package func encode(into writer: inout WireWriter) {
        writer.append(device)
        writer.append(kind)
        writer.append(label)
        writer.append(uuid)
        writer.append(features)
        writer.append(hashSeed)
        writer.append(extendedOptions)
        writer.append(extraArguments)
    }
}
