import SystemIO
import SystemPackage

/// A path as the user typed it, made absolute: programs that we start may stand elsewhere.
func absolutePath(_ text: String) -> FilePath {
    let path = FilePath(text)
    if path.isAbsolute { return path.lexicallyNormalized() }
    return currentFolder().appending(text).lexicallyNormalized()
}
