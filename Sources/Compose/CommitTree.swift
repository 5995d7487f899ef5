import OSTree

/// A commit's tree in memory: its directories, and each object once. Kept small, since a tree may
/// have a million files: about 50 bytes an object and 25 an entry.
struct CommitTree: Sendable {
    let commit: Commit
    /// File objects, in the order in which the tree is walked: a directory's files, then its
    /// directories.
    private(set) var files = ChecksumTable()
    private(set) var trees = ChecksumTable()
    private(set) var metas = ChecksumTable()
    /// Like `files`; filled in by `readInfos`.
    var infos = FileTable(count: 0)

    /// By tree.
    private var folders: [StoredFolder] = []
    private var fileEntries: [StoredFile] = []
    private var directoryEntries: [StoredDirectory] = []
    /// A byte with the length before each name.
    private var names: [UInt8] = []
    /// By meta, with the bytes of the object.
    private var metaValues: [(meta: DirMeta, size: Int)] = []

    private struct StoredFolder: Sendable {
        var firstFile: UInt32 = 0
        var files: UInt32 = 0
        var firstDirectory: UInt32 = 0
        var directories: UInt32 = 0
        /// Bytes of the object.
        var storedSize: UInt32 = 0
    }

    private struct StoredFile: Sendable {
        var name: UInt32
        var object: UInt32
    }

    private struct StoredDirectory: Sendable {
        var name: UInt32
        var tree: UInt32
        var meta: UInt32
    }

    /// What one directory holds, each list in the order of the names' bytes.
    struct Folder {
        struct File {
            var name: ArraySlice<UInt8>
            /// Number in `CommitTree.files`.
            var object: Int
        }

        struct Directory {
            var name: ArraySlice<UInt8>
            var tree: Checksum
            var meta: Checksum
        }

        var files: [File]
        var directories: [Directory]
    }

    init(_ commit: Commit, in repository: Repository) throws(ComposeError) {
        self.commit = commit
        _ = try number(ofMeta: commit.rootMeta, repository)
        _ = number(ofTree: commit.rootTree)
        var pending = [0]
        while let next = pending.popLast() {
            let contents = try reading { () throws(OSTreeError) in
                try repository.dirTree(trees[next])
            }
            let known = trees.count
            try store(contents, as: next, repository)
            pending += (known..<trees.count).reversed()
        }
    }

    private mutating func store(
        _ contents: DirTree,
        as tree: Int,
        _ repository: Repository
    ) throws(ComposeError) {
        folders[tree] = StoredFolder(
            firstFile: UInt32(fileEntries.count),
            files: UInt32(contents.files.count),
            firstDirectory: UInt32(directoryEntries.count),
            directories: UInt32(contents.directories.count),
            storedSize: UInt32(contents.storedSize)
        )
        for file in contents.files {
            let object = files.insert(file.checksum).number
            fileEntries.append(StoredFile(name: try keep(file.name), object: UInt32(object)))
        }
        for directory in contents.directories {
            directoryEntries.append(
                StoredDirectory(
                    name: try keep(directory.name),
                    tree: UInt32(number(ofTree: directory.tree)),
                    meta: UInt32(try number(ofMeta: directory.meta, repository))
                )
            )
        }
    }

    private mutating func keep(_ name: [UInt8]) throws(ComposeError) -> UInt32 {
        guard let length = UInt8(exactly: name.count), let offset = UInt32(exactly: names.count)
        else {
            throw .unsuitableTree(
                "the name \(String(decoding: name, as: UTF8.self)) has \(name.count) bytes, "
                    + "which is more than a file system allows"
            )
        }
        names.append(length)
        names += name
        return offset
    }

    private mutating func number(ofTree tree: Checksum) -> Int {
        let (number, isNew) = trees.insert(tree)
        if isNew { folders.append(StoredFolder()) }
        return number
    }

    private mutating func number(
        ofMeta meta: Checksum,
        _ repository: Repository
    ) throws(ComposeError) -> Int {
        let (number, isNew) = metas.insert(meta)
        if isNew {
            metaValues.append(
                try reading { () throws(OSTreeError) in
                    let bytes = try repository.metadataBytes(ObjectName(meta, .dirMeta))
                    return (try repository.dirMeta(meta), bytes.count)
                }
            )
        }
        return number
    }

    // MARK: Objects

    /// File objects by their number in `files`, then dirtrees, then dirmetas.
    enum Object {
        case file(Int)
        /// With its bytes in the repository.
        case metadata(ObjectName, size: Int)
    }

    var objectCount: Int { files.count + trees.count + metas.count }

    func object(_ number: Int) -> Object {
        if number < files.count { return .file(number) }
        let tree = number - files.count
        if tree < trees.count {
            return .metadata(ObjectName(trees[tree], .dirTree), size: Int(folders[tree].storedSize))
        }
        let meta = tree - trees.count
        return .metadata(ObjectName(metas[meta], .dirMeta), size: metaValues[meta].size)
    }

    /// Bytes of an object's contents; 0 for a symbolic link.
    func size(ofObject number: Int) -> UInt64 {
        switch object(number) {
        case .file(let index): infos.size(index)
        case .metadata(_, let size): UInt64(size)
        }
    }

    /// The order in which the objects' contents lie on the disk and are written: the large ones first,
    /// so that none is left to one thread at the end; then as the tree is walked.
    func writingOrder(largeFile: UInt64) -> [UInt32] {
        var large: [UInt32] = []
        var others: [UInt32] = []
        others.reserveCapacity(objectCount)
        for number in 0..<objectCount {
            if size(ofObject: number) >= largeFile {
                large.append(UInt32(number))
            } else {
                others.append(UInt32(number))
            }
        }
        large.sort { (size(ofObject: Int($1)), $0) < (size(ofObject: Int($0)), $1) }
        return large + others
    }

    // MARK: Reading

    func tree(_ checksum: Checksum) throws(ComposeError) -> Folder {
        guard let number = trees.number(of: checksum) else {
            throw .unsuitableTree("dirtree \(checksum) is not part of the commit")
        }
        return folder(number)
    }

    func meta(_ checksum: Checksum) throws(ComposeError) -> DirMeta {
        guard let number = metas.number(of: checksum) else {
            throw .unsuitableTree("dirmeta \(checksum) is not part of the commit")
        }
        return metaValues[number].meta
    }

    func index(_ checksum: Checksum) throws(ComposeError) -> Int {
        guard let index = files.number(of: checksum) else {
            throw .unsuitableTree("object \(checksum) is not part of the commit")
        }
        return index
    }

    /// A directory of the commit, without reading anything again.
    func directory(_ path: String) -> (tree: Checksum, meta: Checksum)? {
        var found = (tree: commit.rootTree, meta: commit.rootMeta)
        for part in path.split(separator: "/") {
            let contents = trees.number(of: found.tree).map(folder)
            guard let next = contents?.directory(String(part)) else { return nil }
            found = (next.tree, next.meta)
        }
        return found
    }

    /// A file of the commit; symbolic links are not followed.
    func file(_ path: String) -> Checksum? {
        let parts = path.split(separator: "/")
        guard let name = parts.last,
            let parent = directory(parts.dropLast().joined(separator: "/")),
            let contents = trees.number(of: parent.tree).map(folder),
            let file = contents.file(String(name))
        else { return nil }
        return files[file.object]
    }

    private func folder(_ tree: Int) -> Folder {
        let stored = folders[tree]
        let entries = Int(stored.firstFile)..<Int(stored.firstFile + stored.files)
        let below = Int(stored.firstDirectory)..<Int(stored.firstDirectory + stored.directories)
        return Folder(
            files: fileEntries[entries].map {
                Folder.File(name: name($0.name), object: Int($0.object))
            },
            directories: directoryEntries[below].map {
                Folder.Directory(
                    name: name($0.name),
                    tree: trees[Int($0.tree)],
                    meta: metas[Int($0.meta)]
                )
            }
        )
    }

    private func name(_ offset: UInt32) -> ArraySlice<UInt8> {
        let start = Int(offset) + 1
        return names[start..<(start + Int(names[Int(offset)]))]
    }
}

extension CommitTree.Folder {
    func file(_ name: String) -> File? { files.first { $0.name.elementsEqual(name.utf8) } }

    func directory(_ name: String) -> Directory? {
        directories.first { $0.name.elementsEqual(name.utf8) }
    }
}
