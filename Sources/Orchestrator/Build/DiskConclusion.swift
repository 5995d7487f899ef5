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
    /// Of the copy.
    let format: DiskFormat
    let launcher: FilePath

    /// The disk's checksum, and what its file was like then.
    private struct Sum: Sendable {
        let value: Checksum
        let status: FileStatus
    }

    private var disk: FilePath { copy ?? file }

    /// - Parameter check: ends with the end of the machine.
    /// - Returns: the disk's checksum; nil if the machine has written to its file after all.
    func run(beside check: () throws(BuildError) -> Void) throws(BuildError) -> Checksum? {
        let ready = Latch<Result<Sum, BuildError>>()
        try startWorker("conclude") {
            ready.set(Result { () throws(BuildError) in try conclude() })
        }
        let checked = Result { () throws(BuildError) in try check() }
        // Also when the check failed: the files go then, and have to be left alone before.
        let sum = ready.wait()
        try checked.get()
        let found = try sum.get()
        return try DiskFile.status(disk).hasContent(of: found.status) ? found.value : nil
    }

    private func conclude() throws(BuildError) -> Sum {
        if let copy {
            try DiskFile.flatten(file, to: copy, format: format, launcher: launcher)
        }
        let status = try DiskFile.status(disk)
        return Sum(value: try DiskFile.sha256(disk), status: status)
    }
}
