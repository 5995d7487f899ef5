/// Something at a path of a commit.
package enum TreeEntry: Sendable {
    case file(Checksum)
    case directory(tree: Checksum, meta: Checksum)
}

extension Repository {
    /// What is at `path` ("usr/lib/os-release"; "" is the root), nil if nothing is. Symbolic links
    /// are entries, not followed.
    package func entry(at path: String, in commit: Commit) throws(OSTreeError) -> TreeEntry? {
        var entry = TreeEntry.directory(tree: commit.rootTree, meta: commit.rootMeta)
        for part in path.split(separator: "/") {
            guard case .directory(let checksum, _) = entry else { return nil }
            let tree = try dirTree(checksum)
            let name = Array(part.utf8)
            if let directory = tree.directory(named: name) {
                entry = .directory(tree: directory.tree, meta: directory.meta)
            } else if let file = tree.file(named: name) {
                entry = .file(file.checksum)
            } else {
                return nil
            }
        }
        return entry
    }

    /// Names in the directory at `path`; nil if there is no such directory.
    package func directory(at path: String, in commit: Commit) throws(OSTreeError) -> DirTree? {
        guard case .directory(let tree, _) = try entry(at: path, in: commit) else { return nil }
        return try dirTree(tree)
    }

    /// The regular file at `path`, its content checked; nil if there is none.
    package func contents(of path: String, in commit: Commit) throws(OSTreeError) -> [UInt8]? {
        guard case .file(let checksum) = try entry(at: path, in: commit) else { return nil }
        let object = try openFile(checksum)
        return object.info.isRegular ? try object.content(verify: true) : nil
    }
}
