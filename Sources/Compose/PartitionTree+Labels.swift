import DiskImage

extension PartitionTree {
    /// Labels a folder and all that is in it, which has to be copies: no hard link leads to them.
    /// - Parameter path: of the folder on the running system.
    mutating func label(
        _ node: Node,
        _ place: Labels.Place,
        path: String,
        by labels: Labels
    ) throws(ComposeError) {
        let attributes = files.xattrs(of: node)
        let own = attributes.first { $0.name == Labels.attribute }?.value
        let mode = files.mode(of: node)
        let label = try labels.label(
            additions.contains(node) ? .addition : place,
            path,
            mode: mode,
            own: own
        )
        if label != own {
            let others = attributes.filter { $0.name != Labels.attribute }
            let labelled = label.map { FileTree.Xattr(name: Labels.attribute, value: $0) }
            setXattrs(of: node, to: others + [labelled].compactMap { $0 })
        }
        guard FileTree.Kind(rawValue: mode & 0xf000) == .directory else { return }
        for child in files.children(of: node) {
            let name = String(decoding: child.name, as: UTF8.self)
            try self.label(child.node, place, path: "\(path)/\(name)", by: labels)
        }
    }
}
