import DiskImage
import OSTree

/// Folders of a commit, with all that is in them.
extension PartitionTree {
    /// Hard links to the objects. Files of no length, and those that have as many names as ext4
    /// allows, get an inode of their own.
    /// - Parameters:
    ///   - nodes: of the file objects. The root stands for one that there is none of yet; it is made.
    ///   - omitted: the name of a folder that is left out.
    ///   - additions: folders that are made where the commit has nothing of the name.
    mutating func checkOut(
        _ contents: CommitTree.Folder,
        of tree: CommitTree,
        into node: Node,
        _ nodes: inout [Node],
        omitting omitted: String? = nil,
        with additions: AdditionTree = .none
    ) throws(ComposeError) {
        for file in contents.files {
            let info = tree.infos[file.object]
            let known = nodes[file.object]
            let isEmpty = info.isRegular && info.size == 0
            if isEmpty || known == FileTree.root || files.linkCount(known) >= Self.mostLinks {
                let made = try object(file.name, in: node, file.object, info, modified: nil)
                if known == FileTree.root { nodes[file.object] = made }
            } else {
                try link(known, as: file.name, in: node)
            }
        }
        for directory in contents.directories {
            if let omitted, directory.name.elementsEqual(omitted.utf8) { continue }
            let made = try self.directory(
                directory.name,
                in: node,
                try tree.meta(directory.meta),
                modified: 0
            )
            let below =
                additions.children.isEmpty
                ? .none : additions.below(String(decoding: directory.name, as: UTF8.self))
            try checkOut(tree.tree(directory.tree), of: tree, into: made, &nodes, with: below)
        }
        if additions.children.isEmpty { return }
        var names: Set<String> = []
        for name in contents.files.map(\.name) + contents.directories.map(\.name) {
            names.insert(String(decoding: name, as: UTF8.self))
        }
        try add(additions, to: node, without: names)
    }

    private static let mostLinks = 65_000

    /// A full copy: every file an inode of its own, with the time of the clock; and what is added.
    mutating func copy(
        _ contents: CommitTree.Folder,
        of tree: CommitTree,
        into node: Node,
        with additions: AdditionTree = .none
    ) throws(ComposeError) {
        for file in contents.files {
            if let added = additions.children[String(decoding: file.name, as: UTF8.self)] {
                if added.isFolder { throw Self.clash(added, "a file") }
                continue
            }
            let info = tree.infos[file.object]
            _ = try object(file.name, in: node, file.object, info, modified: nil)
        }
        var folders: Set<String> = []
        for directory in contents.directories {
            let name = String(decoding: directory.name, as: UTF8.self)
            let added = additions.below(name)
            if !added.isFolder { throw Self.clash(added, "a folder") }
            folders.insert(name)
            let meta = try tree.meta(directory.meta)
            let made = try self.directory(
                directory.name,
                in: node,
                added.addition.map { $0.over(meta) } ?? meta,
                modified: nil
            )
            try copy(try tree.tree(directory.tree), of: tree, into: made, with: added)
        }
        try add(additions, to: node, without: folders)
    }

    /// - Parameter names: what has been seen to.
    mutating func add(
        _ additions: AdditionTree,
        to node: Node,
        without names: Set<String> = []
    ) throws(ComposeError) {
        for (name, child) in additions.sortedChildren where !names.contains(name) {
            let made = try added(name, in: node, child.addition)
            if child.isFolder { try add(child, to: made) }
        }
    }

    private static func clash(_ added: AdditionTree, _ found: String) -> ComposeError {
        .unsuitableTree("/\(added.anyPath) is to be added where the commit has \(found)")
    }
}
