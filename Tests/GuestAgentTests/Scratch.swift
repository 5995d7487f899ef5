import CLinux
import SystemIO
import SystemPackage
import TestSupport

extension ScratchFolder {
    /// Writes a file and makes the folders above it.
    func write(_ name: String, _ text: String) throws {
        let path = FilePath(file(name))
        try makeDirectories(path.removingLastComponent())
        try writeFileAtomically(path, text.utf8)
    }

    func makeDirectory(_ name: String) throws { try makeDirectories(FilePath(file(name))) }

    func link(_ name: String, to target: String) throws {
        try makeSymlink(FilePath(file(name)), to: target)
    }
}
