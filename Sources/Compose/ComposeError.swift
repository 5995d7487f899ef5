package import DiskImage
package import OSTree
package import SystemPackage

/// Why a disk could not be composed. Each description says what failed, where, and what to do.
package enum ComposeError: Error, Sendable {
    case repository(OSTreeError)
    /// The commit lacks something that a bootable disk needs, or has it twice.
    case unsuitableTree(String)
    /// libostree would do something that only it can do; the VM method does it.
    case needsVM(String)
    case layout(Ext4Problem, partition: PartitionRole)
    case tree(FileTree.Problem, path: String)
    case table(DiskLayout.Problem)
    case bootloader(ExtlinuxProgram.Problem)
    case systemPartition(FAT32FileSystem.Problem)
    /// Neither in the commit nor on this host.
    case missingBootProgram(WantedBinary)
    case output(FilePath, Errno)
}

extension ComposeError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .repository(let error): error.description
        case .unsuitableTree(let reason): reason
        case .needsVM(let reason): "\(reason); use --method vm"
        case .layout(let problem, let partition): Self.describe(problem, partition)
        case .tree(let problem, let path):
            "\(path) cannot be written to ext4: \(problem)"
        case .table(let problem): "the partition table cannot be made: \(problem)"
        case .bootloader(let problem): "extlinux cannot be installed: \(problem)"
        case .systemPartition(let problem):
            "the EFI system partition cannot be laid out: \(problem)"
        case .missingBootProgram(let wanted):
            "neither the commit nor this host has \(wanted.title); here: \(wanted.remedy)"
        case .output(let path, let errno): "cannot write \(path): \(errno)"
        }
    }

    private static func describe(_ problem: Ext4Problem, _ partition: PartitionRole) -> String {
        switch problem {
        case .outOfSpace(let needed, let available):
            "the \(partition.rawValue) partition is too small: at least \(needed >> 20) MiB are "
                + "needed, it holds \(available >> 20) MiB; choose a larger disk"
        case .xattrsTooLarge(let path, let bytes):
            "\(path) has extended attributes (one of \(bytes) bytes) that do not fit ext4's "
                + "one block of 4,096 bytes"
        default:
            "the \(partition.rawValue) file system cannot be laid out: \(problem)"
        }
    }
}

/// Gives a failure of the repository its place among ours.
func reading<Value: ~Copyable>(_ body: () throws(OSTreeError) -> Value) throws(ComposeError)
    -> Value
{
    do throws(OSTreeError) {
        return try body()
    } catch {
        throw .repository(error)
    }
}
