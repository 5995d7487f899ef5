import DiskImage
import OSTree

/// The boot file system: kernel and initramfs, the boot entry, extlinux.
struct BootTree {
    private(set) var partition: PartitionTree
    /// `ldlinux.sys`, which holds where it lies itself; nil without extlinux.
    private(set) var loader: PartitionTree.Node?
    static let syslinuxFolder = "/syslinux"

    init(
        plan: ComposePlan,
        tree: CommitTree,
        kernel: KernelFiles,
        entry: BootEntry,
        extlinux: ExtlinuxProgram?
    ) throws(ComposeError) {
        var partition = PartitionTree(created: plan.created)
        let root = FileTree.root
        try partition.symlink("loader", in: root, to: "loader.1")
        try partition.symlink("boot", in: root, to: ".")

        let folder = try partition.directories(entry.folder.split(separator: "/"), in: root)
        var files = [(kernel.kernel, entry.kernelName)]
        if let initramfs = kernel.initramfs { files.append((initramfs, entry.initramfsName)) }
        if let tree = kernel.devicetree { files.append((tree, entry.devicetreeName)) }
        if let hmac = kernel.hmac { files.append((hmac, ".vmlinuz-\(kernel.version).hmac")) }
        if let aboot = kernel.aboot { files.append((aboot, "aboot-\(kernel.version).img")) }
        for (checksum, name) in files {
            let index = try tree.index(checksum)
            _ = try partition.object(
                name.utf8,
                in: folder,
                index,
                tree.infos[index],
                modified: nil,
                withXattrs: false
            )
        }
        if let dtb = kernel.devicetreeFolder {
            try Self.copy(dtb, "dtb", into: folder, tree, &partition)
        }

        let loader = try partition.directory("loader.1", in: root)
        let entries = try partition.directory("entries", in: loader)
        try partition.file(entry.fileName, in: entries, Array(entry.bls.utf8))
        if let extlinux {
            // libostree writes this one where it finds the link below.
            try partition.file("syslinux.cfg", in: loader, Array(entry.syslinux.utf8))
            self.loader = try Self.install(extlinux, &partition)
        }
        self.partition = partition
    }

    /// - Returns: `ldlinux.sys`.
    private static func install(
        _ extlinux: ExtlinuxProgram,
        _ partition: inout PartitionTree
    ) throws(ComposeError) -> PartitionTree.Node {
        let syslinux = try partition.directory("syslinux", in: FileTree.root)
        try partition.symlink("syslinux.cfg", in: syslinux, to: "../loader/syslinux.cfg")
        let loader = try partition.placeholder(
            "ldlinux.sys",
            in: syslinux,
            size: ExtlinuxInstallation.loaderSize(extlinux),
            0o444,
            immutable: true
        )
        try partition.file("ldlinux.c32", in: syslinux, extlinux.module, 0o444)
        return loader
    }

    private static func copy(
        _ folder: (tree: Checksum, meta: Checksum),
        _ name: String,
        into parent: PartitionTree.Node,
        _ tree: CommitTree,
        _ partition: inout PartitionTree
    ) throws(ComposeError) {
        let node = try partition.directory(
            Array(name.utf8),
            in: parent,
            try tree.meta(folder.meta),
            modified: 0
        )
        let contents = try tree.tree(folder.tree)
        for file in contents.files {
            _ = try partition.object(
                file.name,
                in: node,
                file.object,
                tree.infos[file.object],
                modified: 0,
                withXattrs: false
            )
        }
        for directory in contents.directories {
            try copy(
                (directory.tree, directory.meta),
                String(decoding: directory.name, as: UTF8.self),
                into: node,
                tree,
                &partition
            )
        }
    }
}
