package import DiskImage

/// The EFI system partition: systemd-boot and a driver, both methods' alike.
///
/// It holds neither kernels nor boot entries. libostree swaps those by symbolic links, which FAT has
/// not, so they stay on /boot (ext4, of type XBOOTLDR), where systemd-boot reads them through the
/// driver. So `ostree admin deploy` and `upgrade` on the running system need to know nothing of it.
package struct EFISystemPartition: Sendable {
    /// Everything on it, in bytes of the disk, ascending.
    package let writes: [DiskWrite]

    /// Seconds in which a key brings up the menu.
    private static let configuration = "timeout 2\n"

    /// - Parameters:
    ///   - layout: one with an EFI system partition; for others there is nothing to write.
    ///   - created: the time of its files, in seconds since 1970.
    package init(
        _ layout: DiskLayout,
        _ programs: BootPrograms,
        created: Int64
    ) throws(ComposeError) {
        guard let partition = layout.partition(.esp),
            case .fat32(let label, let identifier) = partition.content
        else {
            writes = []
            return
        }
        guard let uefi = programs.uefi else {
            throw .missingBootProgram(.bootManager)
        }
        let contents = try Self.contents(uefi, created)
        do throws(FAT32FileSystem.Problem) {
            let system = try FAT32FileSystem(
                tree: contents.files,
                label: label,
                identifier: identifier,
                length: partition.length,
                created: created
            )
            var pieces = Pieces()
            system.writeMetadata(to: &pieces, base: partition.offset)
            for file in contents.inline {
                for run in system.dataRuns(of: file.node) {
                    pieces.write(file.bytes, at: partition.offset + run.offset)
                }
            }
            writes = pieces.list.sorted { $0.offset < $1.offset }
        } catch {
            throw .systemPartition(error)
        }
    }

    private static func contents(
        _ programs: BootPrograms.UEFI,
        _ created: Int64
    ) throws(ComposeError) -> PartitionTree {
        var tree = PartitionTree(created: created)
        let efi = try tree.directory("EFI", in: FileTree.root)
        let boot = try tree.directory("BOOT", in: efi)
        // What firmware starts that has no entry for the disk.
        try tree.file("BOOTX64.EFI", in: boot, programs.bootManager)
        let systemd = try tree.directory("systemd", in: efi)
        try tree.file("systemd-bootx64.efi", in: systemd, programs.bootManager)
        let drivers = try tree.directory("drivers", in: systemd)
        // systemd-boot loads whatever ends so.
        try tree.file("ext4x64.efi", in: drivers, programs.fileSystemDriver)
        let loader = try tree.directory("loader", in: FileTree.root)
        try tree.file("loader.conf", in: loader, Array(configuration.utf8))
        return tree
    }

    private struct Pieces: DiskOutput {
        var list: [DiskWrite] = []

        mutating func write(_ bytes: [UInt8], at offset: UInt64) {
            list.append(DiskWrite(offset: offset, bytes: bytes))
        }
    }
}
