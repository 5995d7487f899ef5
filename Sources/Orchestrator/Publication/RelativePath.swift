import SystemPackage

/// How `path` is named from `folder`, both absolute: an overlay then finds its backing disk wherever
/// the folder that holds both is moved to.
func relativePath(of path: FilePath, from folder: FilePath) -> String {
    let target = path.lexicallyNormalized().components.map(\.string)
    let start = folder.lexicallyNormalized().components.map(\.string)
    var common = 0
    while common < min(target.count, start.count), target[common] == start[common] { common += 1 }
    return (Array(repeating: "..", count: start.count - common) + target[common...])
        .joined(separator: "/")
}
