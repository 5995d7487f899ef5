import OSTree

/// The kernel of a commit, and what is copied to /boot with it.
struct KernelFiles: Sendable {
    let version: String
    let kernel: Checksum
    let initramfs: Checksum?
    /// One device tree; or a folder of them, which is always copied.
    var devicetree: Checksum?
    var devicetreeFolder: (tree: Checksum, meta: Checksum)?
    var hmac: Checksum?
    var aboot: Checksum?
    /// SHA-256 over the contents of kernel, initramfs and device trees: the name of their folder.
    private(set) var bootChecksum = ""

    /// Finds them where libostree looks first. What it would take from older places, or choose among
    /// several by the order of a directory, is refused.
    init(in tree: CommitTree) throws(ComposeError) {
        guard let modules = tree.directory("usr/lib/modules") else {
            throw .unsuitableTree("the commit has no kernel: usr/lib/modules is missing")
        }
        var folders: [CommitTree.Folder.Directory] = []
        for directory in try tree.tree(modules.tree).directories
        where try tree.tree(directory.tree).file("vmlinuz") != nil {
            folders.append(directory)
        }
        guard let folder = folders.first, let name = String(validating: folder.name, as: UTF8.self)
        else {
            throw .unsuitableTree(
                "the commit has no kernel: no usr/lib/modules/VERSION/vmlinuz was found"
            )
        }
        guard folders.count == 1 else {
            let names = folders.map { String(decoding: $0.name, as: UTF8.self) }
            throw .unsuitableTree(
                "the commit has \(folders.count) kernels (\(names.joined(separator: ", "))); "
                    + "which one libostree boots is not defined, leave one"
            )
        }
        let contents = try tree.tree(folder.tree)
        func file(_ name: String) -> Checksum? {
            contents.file(name).map { tree.files[$0.object] }
        }
        guard let kernel = file("vmlinuz") else {
            throw .unsuitableTree("the commit has no kernel")
        }
        version = name
        self.kernel = kernel
        initramfs = file("initramfs.img") ?? file("initramfs")
        hmac = file(".vmlinuz.hmac")
        aboot = file("aboot.img")
        if initramfs == nil { try Self.refuseOlderPlaces(tree) }
        if let folder = contents.directory("dtb") {
            devicetreeFolder = (folder.tree, folder.meta)
        } else {
            devicetree = file("devicetree")
        }
    }

    private static func refuseOlderPlaces(_ tree: CommitTree) throws(ComposeError) {
        for path in ["usr/lib/ostree-boot", "boot"] {
            guard let folder = tree.directory(path) else { continue }
            let files = try tree.tree(folder.tree).files
            if files.contains(where: { $0.name.starts(with: "vmlinuz-".utf8) }) {
                throw .needsVM(
                    "the commit keeps its kernel in /\(path), which compose does not know"
                )
            }
        }
    }

    mutating func computeChecksum(
        _ tree: CommitTree,
        _ repository: Repository
    ) throws(ComposeError) {
        let hasher = SHA256()
        for checksum in [kernel, initramfs].compactMap({ $0 }) + (try devicetrees(tree)) {
            try reading { () throws(OSTreeError) in
                let object = try repository.openFile(checksum)
                if object.info.size > Self.wholeFile {
                    try Self.sumInPieces(object, into: hasher)
                } else {
                    // What it is worth is found out when it is written.
                    hasher.update(try object.content(verify: false))
                }
            }
        }
        bootChecksum = hasher.finish().hex
    }

    /// Larger files are not held whole.
    private static let wholeFile: UInt64 = 48 << 20

    private static func sumInPieces(
        _ object: FileObject,
        into hasher: SHA256
    ) throws(OSTreeError) {
        var reader = try ContentReader(object, verify: false)
        var buffer = ContentBuffer()
        let bytes = unsafe buffer.bytes(count: 1 << 20)
        while true {
            let count = try unsafe reader.read(into: bytes)
            if count == 0 { return }
            unsafe hasher.update(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        }
    }

    /// Every device tree, in the order in which they are summed.
    private func devicetrees(_ tree: CommitTree) throws(ComposeError) -> [Checksum] {
        if let devicetree { return [devicetree] }
        guard let folder = devicetreeFolder else { return [] }
        return try Self.files(below: folder.tree, tree)
    }

    /// Files and folders of a folder mixed, by the bytes of their names.
    private static func files(
        below folder: Checksum,
        _ tree: CommitTree
    ) throws(ComposeError) -> [Checksum] {
        let contents = try tree.tree(folder)
        var found: [(name: ArraySlice<UInt8>, files: [Checksum])] = contents.files.map {
            ($0.name, [tree.files[$0.object]])
        }
        for directory in contents.directories {
            found.append((directory.name, try files(below: directory.tree, tree)))
        }
        found.sort { $0.name.lexicographicallyPrecedes($1.name) }
        return found.flatMap(\.files)
    }
}
