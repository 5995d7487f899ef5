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

/// Makes one file system.
package struct MakeFileSystem: WireValue {
    package enum Kind: WireValue {
        /// `mke2fs ARGUMENTS DEVICE` of the commit, with a configuration file of the agent's own, so
        /// that the tree's mke2fs.conf has no say.
        case ext4(arguments: [String])
        /// Written by the agent itself. The UUID is 8-4-4-4-12 hexadecimal digits.
        case swap(label: String, uuid: String)

        private enum Tag: UInt8, WireValue { case ext4 = 1, swap }

        package init(from reader: inout WireReader) throws(WireError) {
            self =
                switch try reader.value(Tag.self) {
                case .ext4: .ext4(arguments: try reader.strings())
                case .swap: .swap(label: try reader.string(), uuid: try reader.string())
                }
        }

        package func encode(into writer: inout WireWriter) {
            switch self {
            case .ext4(let arguments):
                writer.append(Tag.ext4)
                writer.append(arguments)
            case .swap(let label, let uuid):
                writer.append(Tag.swap)
                writer.append(label)
                writer.append(uuid)
            }
        }
    }

    package var device: BlockDevice
    package var kind: Kind

    package init(device: BlockDevice, kind: Kind) {
        self.device = device
        self.kind = kind
    }

    package init(from reader: inout WireReader) throws(WireError) {
        device = try reader.value()
        kind = try reader.value()
    }

    package func encode(into writer: inout WireWriter) {
        writer.append(device)
        writer.append(kind)
    }
}
