import OSTree
import SystemIO
import SystemPackage

/// What is left to do with a disk's file when the guest writes no more. It is done beside the guest's own
/// check of the file systems, which takes about as long, and one processor.
struct DiskConclusion: Sendable {
    /// What the machine has written, and still has open.
    let file: FilePath
    /// Where an overlay goes, put together with the disk below it, to stand alone; nil for none.
    let copy: FilePath?
    /// What of the copy has been begun.
    let begun: DiskCopy?
    /// Of the copy.
    let format: DiskFormat
    let launcher: FilePath

    /// The disk's checksum, and what the files were like then.
    private struct Sum: Sendable {
        let value: Checksum
        let source: FileStatus
        let disk: FileStatus
    }

    private var disk: FilePath { copy ?? file }

    /// - Parameter check: ends with the end of the machine.
    /// - Returns: the disk's checksum. If the machine has written to its file after all (where a disk takes
    ///   no flush the tables of a qcow2 come last), what was done is done again.
    func run(beside check: () throws(BuildError) -> Void) throws(BuildError) -> Checksum {
        let ready = Latch<Result<Sum, BuildError>>()
        try startWorker("conclude") {
            ready.set(Result { () throws(BuildError) in try conclude(from: begun) })
        }
        let checked = Result { () throws(BuildError) in try check() }
        // Also when the check failed: the files go then, and have to be left alone before.
        let sum = ready.wait()
        try checked.get()
        // Read while its tables were not written, a file may also have seemed damaged.
        guard case .success(let found) = sum else { return try conclude().value }
        let isSource = try DiskFile.status(file).hasContent(of: found.source)
        let isDisk = try DiskFile.status(disk).hasContent(of: found.disk)
        return isSource && isDisk ? found.value : try conclude().value
    }

    private func conclude(from begun: DiskCopy? = nil) throws(BuildError) -> Sum {
        let source = try DiskFile.status(file)
        if let copy, try begun?.finish(with: file) != true {
            try DiskFile.flatten(file, to: copy, format: format, launcher: launcher)
        }
        let status = try DiskFile.status(disk)
        return Sum(value: try DiskFile.sha256(disk), source: source, disk: status)
    }
}
