import DiskImage
package import OSTree
import SystemIO
package import SystemPackage

/// A commit's tree as an ext4 file system in a qcow2 image, to be mounted read-only: the root of a
/// bootstrap machine whose kernel has no 9P. It is the tree that the live view shows: `/etc` is a copy
/// of `/usr/etc`, equal objects are one inode, mount points are there.
package enum TreeImage {
    /// The tree's root in the file system, whose own root holds lost+found as well.
    package static let folder = "tree"

    /// Writes the image into a new file; an existing one is overwritten. On failure the file is
    /// incomplete, and for the caller to remove.
    /// - Parameter mountPoints: made where the commit has nothing of the name.
    package static func write(
        _ commit: Commit,
        of repository: Repository,
        mountPoints: [Addition],
        to path: FilePath,
        threads: Int = processorCount()
    ) throws(ComposeError) {
        var tree = try CommitTree(commit, in: repository)
        tree.infos = try ObjectScan(repository: repository, files: tree.files).run(threads: threads)
        let partition = try layOut(tree, mountPoints)
        let identity = DiskIdentity(seed: "tree " + commit.checksum.hex)
        let (fileSystem, length) = try fileSystem(partition, identity)
        let image = try ImageFile(
            path,
            format: .qcow2,
            diskSize: length,
            ranges: fileSystem.writtenRanges
        )
        // Only files have contents here, and their numbers come first.
        let order = tree.writingOrder(largeFile: ContentWriter.largeFile)
            .filter { $0 < tree.files.count }
        let writer = ContentWriter(
            repository: repository,
            tree: tree,
            order: order,
            places: ContentPlaces(
                [(fileSystem, 0, partition.copies)],
                order: order,
                fileOffset: image.fileOffset(ofDisk:)
            ),
            image: image,
            threads: threads,
            progress: { _ in }
        )
        _ = try writer.run { writer throws(ComposeError) in
            try fileSystem.writeMetadata(to: &writer, base: 0)
        }
    }

    private static func layOut(
        _ tree: CommitTree,
        _ mountPoints: [Addition]
    ) throws(ComposeError) -> PartitionTree {
        let commit = tree.commit
        var partition = PartitionTree(created: Int64(clamping: commit.timestamp))
        let root = try partition.directory(
            folder.utf8,
            in: FileTree.root,
            try tree.meta(commit.rootMeta),
            modified: 0
        )
        let contents = try tree.tree(commit.rootTree)
        let etc = try configuration(tree, contents)
        var nodes = [PartitionTree.Node](repeating: FileTree.root, count: tree.files.count)
        try partition.checkOut(
            contents,
            of: tree,
            into: root,
            &nodes,
            omitting: etc == nil ? nil : "etc",
            with: try AdditionTree(mountPoints)
        )
        if let etc {
            let meta = try tree.meta(etc.meta)
            let node = try partition.directory("etc".utf8, in: root, meta, modified: 0)
            try partition.copy(try tree.tree(etc.tree), of: tree, into: node)
        }
        return partition
    }

    /// What `/etc` is a copy of; nil where the commit has an `/etc` with anything in it.
    private static func configuration(
        _ tree: CommitTree,
        _ root: CommitTree.Folder
    ) throws(ComposeError) -> (tree: Checksum, meta: Checksum)? {
        if root.file("etc") != nil { return nil }
        if let own = root.directory("etc") {
            let contents = try tree.tree(own.tree)
            guard contents.files.isEmpty && contents.directories.isEmpty else { return nil }
        }
        return tree.directory("usr/etc")
    }

    /// Room that no tree exceeds: what is not used costs nothing in the image.
    private static func fileSystem(
        _ partition: PartitionTree,
        _ identity: DiskIdentity
    ) throws(ComposeError) -> (Ext4FileSystem, length: UInt64) {
        let block: UInt64 = 4096
        let contents = partition.copies.reduce(UInt64(0)) { sum, copy in
            sum + (partition.files.size(copy.node) + block) / block * block
        }
        // Of each name: its node, a block of names, of attributes, of a link's target or of extents.
        let names = UInt64(partition.files.entryCount) * 3 * block
        let length = (contents + names) / 32 * 33 + (64 << 20)
        var parameters = Ext4Parameters(
            features: Ext4Parameters.rootFeatures.subtracting([.hasJournal, .resizeInode]),
            label: "builddisks-tree",
            uuid: identity.uuid("tree"),
            hashSeed: identity.uuid("hash")
        )
        parameters.reservedPercent = 0
        do throws(Ext4Problem) {
            let system = try Ext4FileSystem(
                tree: partition.files,
                parameters: parameters,
                length: length,
                created: partition.created
            )
            return (system, length)
        } catch {
            throw .layout(error, partition: .root)
        }
    }
}
