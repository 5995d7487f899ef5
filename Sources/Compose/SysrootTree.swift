import DiskImage
import OSTree
import SystemIO
import SystemPackage

/// The root file system: what `ostree admin init-fs --modern`, `os-init`, `pull-local` and `deploy`
/// leave in an empty one, for one deployment.
struct SysrootTree {
    private let plan: ComposePlan
    private let tree: CommitTree
    private let kernel: KernelFiles
    private let version: LibostreeVersion
    private let labels: Labels?
    private let additions: AdditionTree
    private(set) var partition: PartitionTree
    /// In which the objects' contents are to lie.
    private let order: [UInt32]
    /// By file object: its node in the repository.
    private var objectNodes: [PartitionTree.Node] = []

    init(
        plan: ComposePlan,
        tree: CommitTree,
        order: [UInt32],
        kernel: KernelFiles,
        version: LibostreeVersion,
        labels: Labels?
    ) throws(ComposeError) {
        self.plan = plan
        self.order = order
        self.tree = tree
        self.kernel = kernel
        self.version = version
        self.labels = labels
        var additions = plan.additions
        if let fstab = plan.fstab, !additions.contains(where: { $0.path == "etc/fstab" }) {
            additions.append(Addition(path: "etc/fstab", mode: 0o644, content: .file(fstab)))
        }
        self.additions = try AdditionTree(additions)
        partition = PartitionTree(created: plan.created)
        partition.reserve(
            nodes: tree.objectCount + tree.trees.count,
            entries: 2 * tree.objectCount + tree.trees.count,
            copies: tree.objectCount
        )
        // The mount point of the boot partition.
        _ = try partition.directory("boot", in: FileTree.root)
        let ostree = try partition.directory("ostree", in: FileTree.root)
        try makeRepository(in: ostree)
        try makeDeployment(in: ostree)
        try makeBootLinks(in: ostree)
    }

    private var commit: String { plan.commit.checksum.hex }

    // MARK: Repository

    private mutating func makeRepository(in ostree: PartitionTree.Node) throws(ComposeError) {
        let repo = try partition.directory("repo", in: ostree)
        try partition.file("config", in: repo, Array("[core]\nrepo_version=1\nmode=bare\n".utf8))
        try partition.file(".lock", in: repo, [], 0o640)
        _ = try partition.directory("extensions", in: repo)
        _ = try partition.directory("state", in: repo)
        let temporary = try partition.directory("tmp", in: repo)
        _ = try partition.directory("cache", in: temporary)
        try makeReferences(in: try partition.directory("refs", in: repo))
        try makeObjects(in: try partition.directory("objects", in: repo))
    }

    private mutating func makeReferences(in refs: PartitionTree.Node) throws(ComposeError) {
        let heads = try partition.directory("heads", in: refs)
        _ = try partition.directory("mirrors", in: refs)
        _ = try partition.directory("remotes", in: refs)
        let line = Array("\(commit)\n".utf8)
        let parts = plan.ref.split(separator: "/")
        // A checksum is pulled without a ref.
        if let name = parts.last, Checksum(hex: plan.ref) == nil {
            let folder = try partition.directories(parts.dropLast(), in: heads)
            try partition.file(String(name), in: folder, line)
        }
        let deployment = try partition.directories(["ostree", "1", "1"], in: heads)
        try partition.file("0", in: deployment, line)
    }

    private mutating func makeObjects(in objects: PartitionTree.Node) throws(ComposeError) {
        // Each made when it is first used; by the first two digits.
        var folders = [PartitionTree.Node?](repeating: nil, count: 256)
        func place(
            _ checksum: Checksum,
            _ suffix: String,
            _ partition: inout PartitionTree
        ) throws(ComposeError) -> (folder: PartitionTree.Node, name: [UInt8]) {
            let digits = checksum.hexDigits
            let name = digits[2...] + suffix.utf8
            let first = Int(checksum.prefix >> 56)
            if let folder = folders[first] { return (folder, Array(name)) }
            let folder = try partition.directory(
                String(decoding: digits[..<2], as: UTF8.self),
                in: objects
            )
            folders[first] = folder
            return (folder, Array(name))
        }
        let commitName = ObjectName(plan.commit.checksum, .commit)
        let commitBytes = try reading { () throws(OSTreeError) in
            try plan.repository.metadataBytes(commitName)
        }
        for (suffix, bytes) in [(".commit", commitBytes), (".commitmeta", try detachedMetadata())] {
            guard let bytes else { continue }
            let (folder, name) = try place(plan.commit.checksum, suffix, &partition)
            try partition.file(String(decoding: name, as: UTF8.self), in: folder, bytes)
        }
        objectNodes = [PartitionTree.Node](repeating: FileTree.root, count: tree.files.count)
        for number in order.lazy.map({ Int($0) }) {
            switch tree.object(number) {
            case .metadata(let object, let size):
                let suffix = "." + object.kind.rawValue
                let (folder, name) = try place(object.checksum, suffix, &partition)
                try partition.metadataObject(name, in: folder, number, size: size)
            case .file(let index):
                let (folder, name) = try place(tree.files[index], ".file", &partition)
                let info = tree.infos[index]
                objectNodes[index] = try partition.object(
                    name,
                    in: folder,
                    index,
                    info,
                    modified: info.isSymlink ? nil : 0
                )
            }
        }
    }

    /// Signatures and the like, kept beside the commit; nil if there are none.
    private func detachedMetadata() throws(ComposeError) -> [UInt8]? {
        let path = plan.repository.path.appending("objects")
            .appending(String(commit.prefix(2))).appending("\(commit.dropFirst(2)).commitmeta")
        do throws(Errno) {
            return try readFile(path)
        } catch .noSuchFileOrDirectory {
            return nil
        } catch {
            throw .repository(.repositoryUnreadable(path, error))
        }
    }

    // MARK: Deployment

    private mutating func makeDeployment(in ostree: PartitionTree.Node) throws(ComposeError) {
        let deploy = try partition.directory("deploy", in: ostree)
        let stateroot = try partition.directory(plan.osname, in: deploy)
        try makeVar(in: stateroot)
        let folder = try partition.directory("deploy", in: stateroot)
        let rootMeta = try tree.meta(plan.commit.rootMeta)
        let root = try partition.directory(
            "\(commit).0".utf8,
            in: folder,
            rootMeta,
            modified: nil,
            immutable: true
        )
        let contents = try tree.tree(plan.commit.rootTree)
        if let etc = contents.directory("etc") { try refuseUnlessEmpty(etc) }
        try partition.checkOut(contents, of: tree, into: root, &objectNodes, omitting: "etc")
        try copyConfiguration(into: root)
        try partition.file(
            "\(commit).0.origin",
            in: folder,
            Array("[origin]\nrefspec=\(plan.ref)\n".utf8)
        )
        if version.makesBackingFolder {
            let backing = try partition.directory("backing", in: stateroot, 0o700)
            let own = try partition.directory("\(commit).0", in: backing, 0o700)
            let transient = try partition.directory("root-transient", in: own, 0o700)
            _ = try partition.directory("work", in: transient, 0o700)
            _ = try partition.directory(
                "upper",
                in: transient,
                UInt16(truncatingIfNeeded: rootMeta.mode) & 0o7777
            )
        }
    }

    private func refuseUnlessEmpty(_ directory: CommitTree.Folder.Directory) throws(ComposeError) {
        let contents = try tree.tree(directory.tree)
        guard contents.files.isEmpty && contents.directories.isEmpty,
            tree.directory("usr/etc") != nil
        else {
            throw .unsuitableTree("the commit has files in /etc; they belong in /usr/etc")
        }
        guard version.allowsEmptyEtc else {
            throw .unsuitableTree(
                "the commit has both /etc and /usr/etc, which its libostree \(version) refuses"
            )
        }
    }

    private mutating func copyConfiguration(
        into root: PartitionTree.Node
    ) throws(ComposeError) {
        guard let source = tree.directory("usr/etc") else {
            guard additions.below("etc").children.isEmpty else {
                throw .unsuitableTree("the commit has no /usr/etc that files could be added to")
            }
            return
        }
        let etc = try partition.directory(
            "etc".utf8,
            in: root,
            try tree.meta(source.meta),
            modified: nil
        )
        try partition.copy(
            try tree.tree(source.tree),
            of: tree,
            into: etc,
            with: additions.below("etc")
        )
        if let labels { try partition.label(etc, .etc, path: "/etc", by: labels) }
    }

    private mutating func makeVar(in stateroot: PartitionTree.Node) throws(ComposeError) {
        let node = try partition.directory("var", in: stateroot)
        let added = additions.below("var")
        if !version.copiesVar {
            try makeStandardFolders(of: node, added)
        } else if let source = tree.directory("var") {
            let contents = try tree.tree(source.tree)
            try partition.copy(contents, of: tree, into: node, with: added)
            if tree.directory("usr/lib/tmpfiles.d") == nil {
                let names = contents.files.map(\.name) + contents.directories.map(\.name)
                var present = Set(names.map { String(decoding: $0, as: UTF8.self) })
                present.formUnion(added.children.keys)
                try makeStandardFolders(of: node, .none, without: present)
            }
        } else {
            try partition.add(added, to: node)
        }
        if let labels { try partition.label(node, .var, path: "/var", by: labels) }
        try partition.file(".ostree-selabeled", in: node, [])
    }

    /// What libostree makes in /var where nothing else will, and what is added.
    private mutating func makeStandardFolders(
        of node: PartitionTree.Node,
        _ added: AdditionTree,
        without present: Set<String> = []
    ) throws(ComposeError) {
        var seen = present
        for (name, mode) in [("tmp", 0o1777 as UInt16), ("lib", 0o755), ("log", 0o755)] {
            let own = added.below(name)
            guard own.isFolder, !present.contains(name) else { continue }
            let made =
                own.addition == nil
                ? try partition.directory(name, in: node, mode)
                : try partition.added(name, in: node, own.addition)
            seen.insert(name)
            try partition.add(own, to: made)
        }
        for name in ["run", "lock"]
        where added.children[name] == nil && !present.contains(name) {
            try partition.symlink(name, in: node, to: "../run" + (name == "run" ? "" : "/lock"))
        }
        try partition.add(added, to: node, without: seen)
    }

    // MARK: Boot links

    private mutating func makeBootLinks(in ostree: PartitionTree.Node) throws(ComposeError) {
        try partition.symlink("boot.1", in: ostree, to: "boot.1.1")
        let folder = try partition.directories(
            ["boot.1.1", Substring(plan.osname), Substring(kernel.bootChecksum)],
            in: ostree
        )
        try partition.symlink(
            "0",
            in: folder,
            to: "../../../deploy/\(plan.osname)/deploy/\(commit).0"
        )
    }
}
