/// The objects that one commit consists of.
package struct CommitObjects: Sendable {
    package let commit: Checksum
    /// Each checksum once.
    package let dirTrees: [Checksum]
    package let dirMetas: [Checksum]
    package let files: [Checksum]

    /// What `ostree pull-local` counts, the commit itself included.
    package var count: Int { 1 + dirTrees.count + dirMetas.count + files.count }

    package var names: [ObjectName] {
        [ObjectName(commit, .commit)] + dirTrees.map { ObjectName($0, .dirTree) }
            + dirMetas.map { ObjectName($0, .dirMeta) } + files.map { ObjectName($0, .file) }
    }
}

/// A file object among those of a commit, with its sizes.
package struct FileSummary: Sendable {
    package let checksum: Checksum
    package let info: FileInfo
    /// Bytes it takes in the repository.
    package let storedSize: UInt64
}

extension Repository {
    /// All objects reachable from the commit. Reads the dirtrees, not the files: 0.1 s for a system
    /// of 15,000 objects.
    package func objects(of commit: Checksum) throws(OSTreeError) -> CommitObjects {
        let root = try self.commit(commit)
        var trees = OrderedChecksums()
        var metas = OrderedChecksums()
        var files = OrderedChecksums()
        var pending = [root.rootTree]
        trees.insert(root.rootTree)
        metas.insert(root.rootMeta)
        while let next = pending.popLast() {
            let tree = try dirTree(next)
            for file in tree.files { files.insert(file.checksum) }
            for directory in tree.directories {
                metas.insert(directory.meta)
                if trees.insert(directory.tree) { pending.append(directory.tree) }
            }
        }
        return CommitObjects(
            commit: commit,
            dirTrees: trees.list,
            dirMetas: metas.list,
            files: files.list
        )
    }

    /// Opens each file object of the list and gives its metadata and sizes, in the same order.
    package func summaries(
        of files: [Checksum]
    ) throws(OSTreeError) -> [FileSummary] {
        var summaries: [FileSummary] = []
        summaries.reserveCapacity(files.count)
        for checksum in files {
            let object = try openFile(checksum)
            summaries.append(
                FileSummary(
                    checksum: checksum,
                    info: object.info,
                    storedSize: object.storedSize
                )
            )
        }
        return summaries
    }
}

/// A set that remembers the order of insertion.
private struct OrderedChecksums {
    private(set) var list: [Checksum] = []
    private var seen: Set<Checksum> = []

    @discardableResult
    mutating func insert(_ checksum: Checksum) -> Bool {
        guard seen.insert(checksum).inserted else { return false }
        list.append(checksum)
        return true
    }
}
