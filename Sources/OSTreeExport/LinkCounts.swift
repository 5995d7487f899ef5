import OSTree

/// How many paths lead to each file object of a commit.
struct LinkCounts: Sendable {
    /// Only what has more than one.
    private let several: [Checksum: UInt64]
    /// The first dirtree that could not be read: what lies below such is not counted.
    let failure: OSTreeError?

    /// Reads each dirtree once, however often the commit holds it: equal folders share one, and a
    /// commit may nest them so that its paths are beyond counting. Sums stop at the largest number.
    init(commit: Commit, repository: Repository) {
        let (order, failure) = LinkCounts.sorted(from: commit.rootTree, repository)
        self.failure = failure
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

    /// All dirtrees that are there, each before those it holds: the reverse of the order in which a
    /// depth-first walk leaves them. With a list of its own instead of recursion, as commits may be
    /// deep.
    private static func sorted(
        from root: Checksum,
        _ repository: Repository
    ) -> (order: [(checksum: Checksum, tree: DirTree)], failure: OSTreeError?) {
        var left: [(checksum: Checksum, tree: DirTree)] = []
        var seen: Set<Checksum> = []
        var path: [(checksum: Checksum, tree: DirTree, next: Int)] = []
        var failure: OSTreeError?
        func enter(_ checksum: Checksum) {
            guard seen.insert(checksum).inserted else { return }
            do throws(OSTreeError) {
                path.append((checksum, try repository.dirTree(checksum), 0))
            } catch {
                failure = failure ?? error
            }
        }
        enter(root)
        while let top = path.last {
            guard top.next < top.tree.directories.count else {
                left.append((top.checksum, top.tree))
                path.removeLast()
                continue
            }
            path[path.count - 1].next += 1
            enter(top.tree.directories[top.next].tree)
        }
        return (left.reversed(), failure)
    }
}
