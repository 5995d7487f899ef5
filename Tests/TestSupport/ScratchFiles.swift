import SystemIO
import SystemPackage

extension ScratchFolder {
    /// Writes a file and makes the folders above it.
    package func write(_ name: String, _ text: String) throws { try write(name, Array(text.utf8)) }

    package func write(_ name: String, _ bytes: [UInt8]) throws {
        let path = FilePath(file(name))
        try makeDirectories(path.removingLastComponent())
        try writeFileAtomically(path, bytes)
    }

    package func makeDirectory(_ name: String) throws { try makeDirectories(FilePath(file(name))) }

    package func link(_ name: String, to target: String) throws {
        try makeSymlink(FilePath(file(name)), to: target)
    }
}
