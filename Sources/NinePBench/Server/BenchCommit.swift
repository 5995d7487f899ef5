import OSTree
import SystemPackage

/// The names in a commit: what is served is found by reading the repository itself.
struct BenchCommit {
    let repository: Repository
    let commit: Commit
    /// Regular files.
    let files: [TreeFile]
    let folders: [[[UInt8]]]
    private let checksums: [Checksum]

    init(repository: FilePath, ref: String) throws {
        let repository = try Repository(path: repository)
        let commit = try repository.commit(try repository.resolve(ref))
        var files: [TreeFile] = []
        var checksums: [Checksum] = []
        var folders: [[[UInt8]]] = []
        var waiting: [(names: [[UInt8]], tree: Checksum)] = [([], commit.rootTree)]
        while let (names, tree) = waiting.popLast() {
            // As many names as one Twalk takes.
            if names.count == 16 { continue }
            let directory = try repository.dirTree(tree)
            if !names.isEmpty { folders.append(names) }
            for file in directory.files {
                let info = try repository.fileInfo(file.checksum)
                guard info.isRegular else { continue }
                files.append(TreeFile(path: names + [file.name], size: Int(clamping: info.size)))
                checksums.append(file.checksum)
            }
            waiting += directory.directories.map { (names + [$0.name], $0.tree) }
        }
        guard !files.isEmpty, !folders.isEmpty else { throw BenchFailure("\(ref) is empty") }
        self.repository = repository
        self.commit = commit
        self.files = files
        self.folders = folders
        self.checksums = checksums
    }

    /// Of all files' content, taken from the objects.
    func contentSum() throws -> DataSum {
        var sum = DataSum()
        for checksum in checksums {
            let content = try repository.openFile(checksum).content(verify: true)
            unsafe content.withUnsafeBytes { unsafe sum.add($0) }
        }
        return sum
    }
}
