import NinePServer
import OSTree
import SystemPackage

/// The root directory, with `/etc` and the mount points added.
extension CommitView {
    func makeRoot() throws(Errno) -> DirectoryNode {
        var additions = ViewAddition.tree(of: mountPoints)
        if let etc = try etc() { additions.append(etc) }
        return DirectoryNode(
            self,
            source: (commit.rootTree, commit.rootMeta),
            additions: additions
        )
    }

    /// `/usr/etc` as `/etc`; nil where the commit has no such folder. An empty `/etc` beside it gives
    /// way, as when libostree deploys.
    private func etc() throws(Errno) -> ViewAddition? {
        let name = Array("etc".utf8)
        let root = try tree(commit.rootTree)
        guard let usr = root.directory(named: Array("usr".utf8)),
            let etc = try tree(usr.tree).directory(named: name)
        else { return nil }
        var addition = ViewAddition(name: name, mode: 0, source: (etc.tree, etc.meta))
        if let own = root.directory(named: name) {
            let tree = try tree(own.tree)
            addition.replacesEmptyFolder = tree.directories.isEmpty && tree.files.isEmpty
        }
        return addition
    }
}

extension ViewAddition {
    /// Makes one tree of the paths.
    static func tree(of mountPoints: [MountPoint]) -> [ViewAddition] {
        var additions: [ViewAddition] = []
        for point in mountPoints {
            let parts = point.path.split(separator: "/").map { Array($0.utf8) }
            insert(parts[...], mode: point.mode, into: &additions)
        }
        return additions
    }

    private static func insert(
        _ parts: ArraySlice<[UInt8]>,
        mode: UInt32,
        into additions: inout [ViewAddition]
    ) {
        guard let name = parts.first else { return }
        let known = additions.firstIndex { $0.name == name }
        if known == nil { additions.append(ViewAddition(name: name, mode: 0o755)) }
        let index = known ?? additions.count - 1
        if parts.count == 1 {
            additions[index].mode = mode
        } else {
            insert(parts.dropFirst(), mode: mode, into: &additions[index].inside)
        }
    }
}
