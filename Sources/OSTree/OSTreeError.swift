package import SystemPackage

/// Why a repository could not be read. Each description says what failed, where, and what to do.
package enum OSTreeError: Error, Sendable {
    case repositoryMissing(FilePath)
    case notARepository(FilePath, reason: String)
    case repositoryUnreadable(FilePath, Errno)
    case unsupportedMode(FilePath, mode: String)
    /// `similar`: existing refs whose names are near.
    case referenceNotFound(String, repository: FilePath, similar: [String])
    case objectMissing(ObjectName, repository: FilePath)
    /// The object's file exists and cannot be read: its permissions, or the disk.
    case objectUnreadable(ObjectName, file: FilePath, Errno)
    case objectCorrupt(ObjectName, file: FilePath, reason: String)
    /// No such path in the commit.
    case pathNotFound(String, commit: Checksum)
    /// What libostree said.
    case libostree(FilePath, message: String)
}

extension OSTreeError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .repositoryMissing(let path):
            "no repository at \(path): the folder does not exist; check the path"
        case .notARepository(let path, let reason):
            "\(path) is not an OSTree repository: \(reason); "
                + "give the folder that holds `config` and `objects`"
        case .repositoryUnreadable(let path, let errno):
            "cannot read the repository \(path): \(errno); check its permissions"
        case .unsupportedMode(let path, let mode):
            "the repository \(path) has mode \(mode), which is not supported; pull the commit into "
                + "a repository of mode archive, bare, bare-user or bare-user-only first"
        case .referenceNotFound(let ref, let path, let similar):
            "no ref \(ref) in \(path)"
                + (similar.isEmpty
                    ? "; `ostree refs --repo=\(path)` lists what there is"
                    : "; did you mean \(similar.joined(separator: ", "))?")
        case .objectMissing(let name, let path):
            "object \(name) is missing from \(path); the commit is incomplete there: "
                + "pull it again, `ostree fsck --repo=\(path)` lists what is missing"
        case .objectUnreadable(let name, let file, let errno):
            "cannot read object \(name): \(file): \(errno); "
                + (errno == .permissionDenied
                    ? "read the repository as its owner, or pull it into an archive repository"
                    : "check the disk it is on")
        case .objectCorrupt(let name, let file, let reason):
            "object \(name) is corrupt: \(file): \(reason); delete the file and pull the commit "
                + "again, `ostree fsck --delete` does both for all such objects"
        case .pathNotFound(let path, let commit):
            "no \(path) in commit \(commit)"
        case .libostree(let path, let message):
            "\(path): \(message)"
        }
    }
}
