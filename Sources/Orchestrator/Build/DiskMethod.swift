import OSTree
import SystemPackage

/// A way to make the disk of a plan.
protocol DiskMethod {
    /// Makes the disk `file`. On an error the file is of no use.
    func run(_ file: FilePath, _ clock: PhaseClock) throws(BuildError) -> MethodResult
}

/// How a disk was made, for its record.
struct MethodResult {
    var method: BuildRequest.Method
    /// nil where no machine took part.
    var accelerator: Accelerator?
    /// `uname -r` of the bootstrap VM.
    var kernelRelease: String?
    /// Of the disk's file, if it was found out on the way.
    var sha256: Checksum?
}
