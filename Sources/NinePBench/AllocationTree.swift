import CLinux
import NinePServer
import OSTreeExport
import SystemIO
import SystemPackage

/// What the allocations are counted over: an export, and names in it that are walked to in turn.
struct AllocationTree {
    let export: any Export
    /// Regular files; more than the server keeps idle nodes of, where the tree has them.
    let files: [[[UInt8]]]
    let folders: [[[UInt8]]]

    private static let fileCount = 8192
    private static let folderCount = 64

    /// Makes small files in a folder that is not there yet.
    init(in folder: FilePath) throws {
        files = (0..<Self.fileCount).map { file in
            ["folder-\(file % Self.folderCount)", "a-file-of-number-\(file)"].map {
                Array($0.utf8)
            }
        }
        folders = files.prefix(Self.folderCount).map { Array($0.dropLast()) }
        for names in files {
            let parts = names.map { String(decoding: $0, as: UTF8.self) }
            try makeDirectories(folder.appending(parts[0]))
            let path = folder.appending(parts[0]).appending(parts[1])
            let made = try OwnedFD.open(path, O_WRONLY | O_CREAT)
            try writeAll(made.rawValue, Array(repeating: 0x61, count: 100))
        }
        export = try HostTree(path: folder)
    }

    /// A commit, as the bootstrap VM has it.
    init(_ commit: BenchCommit) throws {
        files = commit.files.prefix(Self.fileCount).map(\.path)
        folders = Array(commit.folders.prefix(Self.folderCount))
        export = try CommitTree(repository: commit.repository, commit: commit.commit)
    }
}
