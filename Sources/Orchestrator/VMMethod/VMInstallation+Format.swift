import Compose
import DiskImage
import GuestProtocol

/// An empty disk becomes one with partitions and file systems.
extension VMInstallation {
    /// EFI system partition, partition table, file systems, mounts.
    func format() throws(BuildError) {
        try writeSystemPartition()
        let table: [DiskWrite]
        do throws(DiskLayout.Problem) {
            table = try plan.layout.tableSectors(
                bootCode: plan.bootBinaries.programs.bios?.bootCode ?? []
            )
        } catch {
            throw BuildError(.input, "the boot code of the commit does not fit: \(error)")
        }
        try write(
            table,
            partitions: plan.layout.partitions.map { UInt32($0.number) },
            "write the partition table"
        )
        for partition in plan.layout.partitions {
            let kind: MakeFileSystem.Kind
            switch partition.content {
            case .ext4(let parameters): kind = .ext4(arguments: parameters.mke2fsArguments)
            case .swap(let label, let uuid): kind = .swap(label: label, uuid: uuid.description)
            case .fat32: continue
            }
            try guest.perform(
                .makeFileSystem(MakeFileSystem(device: device(partition), kind: kind)),
                "make the \(partition.role.rawValue) file system",
                limit: 120
            )
        }
        try mount(["noatime", "nobarrier", "noinit_itable"])
    }

    /// The whole file system comes from the host, so that it is the same however a disk is made, and
    /// the commit needs no mkfs.vfat.
    private func writeSystemPartition() throws(BuildError) {
        let created = try plan.creationTime()
        let system: EFISystemPartition
        do throws(ComposeError) {
            system = try EFISystemPartition(
                plan.layout,
                plan.bootBinaries.programs,
                created: created
            )
        } catch {
            throw BuildError(.input, "\(error)")
        }
        for batch in Self.batches(system.writes) {
            try write(batch, "write the EFI system partition")
        }
    }

    /// As many writes together as a message has room for, which holds less than 1 MiB.
    static func batches(_ writes: [DiskWrite], longest: Int = 768 << 10) -> [[DiskWrite]] {
        var batches: [[DiskWrite]] = []
        var room = 0
        for write in writes {
            for start in stride(from: 0, to: write.bytes.count, by: longest) {
                let bytes = Array(write.bytes[start..<min(start + longest, write.bytes.count)])
                if bytes.count > room {
                    batches.append([])
                    room = longest
                }
                batches[batches.count - 1].append(
                    DiskWrite(offset: write.offset + UInt64(start), bytes: bytes)
                )
                room -= bytes.count
            }
        }
        return batches
    }

    private func write(
        _ pieces: [DiskWrite],
        partitions: [UInt32] = [],
        _ step: String
    ) throws(BuildError) {
        try guest.perform(
            .writeSectors(
                WriteSectors(
                    serial: Self.diskSerial,
                    extents: pieces.map { .init(offset: $0.offset, bytes: $0.bytes) },
                    partitions: partitions
                )
            ),
            step
        )
    }

    /// Mounts root and /boot of the disk.
    func mount(_ options: [String]) throws(BuildError) {
        try mount(.root, Self.target, options)
        try mount(.boot, Self.boot, options)
    }

    private func mount(
        _ role: PartitionRole,
        _ target: String,
        _ options: [String]
    ) throws(BuildError) {
        guard let partition = plan.layout.partition(role) else { return }
        try guest.perform(
            .mount(
                MountFileSystem(
                    device: device(partition),
                    type: "ext4",
                    target: target,
                    options: options,
                    // What a machine that ends early leaves is thrown away, however whole it is.
                    restsJournal: true
                )
            ),
            "mount the \(role.rawValue) file system"
        )
    }
}
