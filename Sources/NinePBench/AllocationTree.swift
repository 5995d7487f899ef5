import CLinux
import NinePServer
import OSTree
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
    init(repository: FilePath, ref: String) throws {
        let repository = try Repository(path: repository)
        let commit = try repository.commit(try repository.resolve(ref))
        var files: [[[UInt8]]] = []
        var folders: [[[UInt8]]] = []
        var waiting: [(names: [[UInt8]], tree: Checksum)] = [([], commit.rootTree)]
        // As many names as one Twalk takes.
        while let (names, tree) = waiting.popLast(), files.count < Self.fileCount, names.count < 15
        {
            let directory = try repository.dirTree(tree)
            if !names.isEmpty, folders.count < Self.folderCount { folders.append(names) }
            for file in directory.files where try repository.openFile(file.checksum).info.isRegular
            {
                files.append(names + [file.name])
            }
            waiting += directory.directories.map { (names + [$0.name], $0.tree) }
        }
        guard !files.isEmpty, !folders.isEmpty else { throw BenchFailure("\(ref) is empty") }
        self.files = files
        self.folders = folders
        export = try CommitTree(repository: repository, commit: commit)
    }
}
