import OSTree

/// A commit's tree in memory: its directories, and each file object once with what it is.
struct CommitTree: Sendable {
    let commit: Commit
    /// In the order in which the tree is walked: a directory's files, then its directories.
    private(set) var files: [Checksum] = []
    private(set) var trees: [Checksum: DirTree] = [:]
    private(set) var metas: [Checksum: DirMeta] = [:]
    private(set) var fileIndex: [Checksum: Int] = [:]
    /// Like `files`; filled in by `readInfos`.
    var infos: [FileInfo] = []

    init(_ commit: Commit, in repository: Repository) throws(ComposeError) {
        self.commit = commit
        try read(commit.rootMeta, repository)
        var pending = [commit.rootTree]
        while let next = pending.popLast() {
            if trees[next] != nil { continue }
            let tree = try reading { () throws(OSTreeError) in try repository.dirTree(next) }
            trees[next] = tree
            for file in tree.files where fileIndex[file.checksum] == nil {
                fileIndex[file.checksum] = files.count
                files.append(file.checksum)
            }
            for directory in tree.directories { try read(directory.meta, repository) }
            pending += tree.directories.reversed().map(\.tree)
        }
    }

    private mutating func read(_ meta: Checksum, _ repository: Repository) throws(ComposeError) {
        if metas[meta] == nil {
            metas[meta] = try reading { () throws(OSTreeError) in try repository.dirMeta(meta) }
        }
    }

    func tree(_ checksum: Checksum) throws(ComposeError) -> DirTree {
        guard let tree = trees[checksum] else {
            throw .unsuitableTree("dirtree \(checksum) is not part of the commit")
        }
        return tree
    }

    func meta(_ checksum: Checksum) throws(ComposeError) -> DirMeta {
        guard let meta = metas[checksum] else {
            throw .unsuitableTree("dirmeta \(checksum) is not part of the commit")
        }
        return meta
    }

    func index(_ checksum: Checksum) throws(ComposeError) -> Int {
        guard let index = fileIndex[checksum] else {
            throw .unsuitableTree("object \(checksum) is not part of the commit")
        }
        return index
    }

    /// A directory of the commit, without reading anything again.
    func directory(_ path: String) -> (tree: Checksum, meta: Checksum)? {
        var found = (tree: commit.rootTree, meta: commit.rootMeta)
        for part in path.split(separator: "/") {
            guard let next = trees[found.tree]?.directory(named: Array(part.utf8)) else {
                return nil
            }
            found = (next.tree, next.meta)
        }
        return found
    }

    /// A file of the commit; symbolic links are not followed.
    func file(_ path: String) -> Checksum? {
        let parts = path.split(separator: "/")
        guard let name = parts.last,
            let folder = directory(parts.dropLast().joined(separator: "/"))
        else { return nil }
        return trees[folder.tree]?.file(named: Array(name.utf8))?.checksum
    }
}
