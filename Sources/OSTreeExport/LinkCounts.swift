import OSTree

/// How many paths lead to each file object of a commit.
struct LinkCounts: Sendable {
    /// Only what has more than one.
    private let several: [Checksum: UInt64]

    /// Reads each dirtree once, however often the commit holds it: equal folders share one, and a
    /// commit may nest them so that its paths are beyond counting. Sums stop at the largest number.
    init(commit: Commit, repository: Repository) throws(OSTreeError) {
        let order = try LinkCounts.sorted(from: commit.rootTree, repository)
        var paths: [Checksum: UInt64] = [commit.rootTree: 1]
        var files: [Checksum: UInt64] = [:]
        for (checksum, tree) in order {
            let own = paths[checksum] ?? 0
            for directory in tree.directories {
                paths[directory.tree] = LinkCounts.sum(paths[directory.tree], own)
            }
            for file in tree.files {
                files[file.checksum] = LinkCounts.sum(files[file.checksum], own)
            }
        }
        several = files.filter { $0.value > 1 }
    }

    func count(of checksum: Checksum) -> UInt64 { several[checksum] ?? 1 }

    private static func sum(_ a: UInt64?, _ b: UInt64) -> UInt64 {
        let (sum, overflow) = (a ?? 0).addingReportingOverflow(b)
        return overflow ? .max : sum
    }

    /// All dirtrees, each before those it holds: the reverse of the order in which a depth-first
    /// walk leaves them. With a list of its own instead of recursion, as commits may be deep.
    private static func sorted(
        from root: Checksum,
        _ repository: Repository
    ) throws(OSTreeError) -> [(checksum: Checksum, tree: DirTree)] {
        var left: [(checksum: Checksum, tree: DirTree)] = []
        var seen: Set<Checksum> = [root]
        var path: [(checksum: Checksum, tree: DirTree, next: Int)] = [
            (root, try repository.dirTree(root), 0)
        ]
        while let top = path.last {
            guard top.next < top.tree.directories.count else {
                left.append((top.checksum, top.tree))
                path.removeLast()
                continue
            }
            path[path.count - 1].next += 1
            let child = top.tree.directories[top.next].tree
            if seen.insert(child).inserted {
                path.append((child, try repository.dirTree(child), 0))
            }
        }
        return left.reversed()
    }
}
