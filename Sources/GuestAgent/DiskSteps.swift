import CLinux
import DiskImage
import GuestProtocol
import SystemIO
import SystemPackage

extension WriteSectors {
    /// Writes, flushes, has the kernel read the table again, waits for the partitions' nodes.
    func perform(devices: BlockDevices) throws(Failure) {
        let node = try devices.node(BlockDevice(serial: serial))
        let disk = try Failure.naming("open", node.string) { () throws(Errno) in
            try OwnedFD.open(node, O_WRONLY)
        }
        for extent in extents {
            guard let offset = Int64(exactly: extent.offset) else {
                throw Failure(.invalidRequest, step: "write sectors", subject: serial)
            }
            try Failure.naming("write sectors", "\(node) at \(offset)") { () throws(Errno) in
                try writeAll(disk.rawValue, extent.bytes, at: offset)
            }
        }
        try Failure.naming("flush", node.string) { () throws(Errno) in
            try syscall { fsync(disk.rawValue) }
            try syscall { clinux_ioctl_int(disk.rawValue, CLINUX_BLKRRPART, 0) }
        }
        let deadline = monotonicSeconds() + 5
        for number in partitions {
            let partition = BlockDevice(serial: serial, partition: number)
            while !devices.exists(partition) {
                guard monotonicSeconds() < deadline else {
                    throw Failure(
                        .noSuchDevice,
                        step: "read partition table",
                        subject: partition.description
                    )
                }
                usleep(10_000)
            }
        }
    }
}

extension MakeFileSystem {
    /// What mke2fs asks of a configuration file: that it knows the names of the type and of the usage
    /// types that it derives from the size, with something in each. All else comes by argument.
    private static let configuration =
        "[fs_types]\n"
        + ["ext4", "floppy", "small", "default", "big", "huge"]
        .map { "\t\($0) = {\n\t\tinode_size = 256\n\t}\n" }.joined()

    func perform(devices: BlockDevices, runner: CommandRunner) throws(Failure) {
        let node = try devices.node(device)
        switch kind {
        case .ext4(let arguments):
            let file: FilePath = "/run/builddisks-mke2fs.conf"
            try Failure.naming("write", file.string) { () throws(Errno) in
                try writeFileAtomically(file, Self.configuration.utf8)
            }
            var command = RunCommand(arguments: ["mke2fs"] + arguments + [node.string])
            command.environment.append("MKE2FS_CONFIG=\(file)")
            try runner.check(command, step: "mke2fs \(device)")
        case .swap(let label, let uuid):
            try makeSwap(node, label: label, uuid: uuid)
        }
    }

    private func makeSwap(_ node: FilePath, label: String, uuid: String) throws(Failure) {
        guard let uuid = VolumeUUID(uuid) else {
            throw Failure(.invalidRequest, step: "make swap", subject: "UUID \(uuid)")
        }
        try Failure.naming("make swap", node.string) { () throws(Errno) in
            let partition = try OwnedFD.open(node, O_RDWR)
            var size: UInt64 = 0
            try syscall {
                unsafe withUnsafeMutablePointer(to: &size) {
                    unsafe clinux_ioctl(partition.rawValue, CLINUX_BLKGETSIZE64, $0)
                }
            }
            guard size >= 10 * UInt64(SwapArea.pageSize) else { throw .noSpace }
            let header = SwapArea.header(length: size, label: label, uuid: uuid)
            try writeAll(partition.rawValue, header, at: 0)
            try syscall { fsync(partition.rawValue) }
        }
    }
}

extension MountFileSystem {
    func perform(devices: BlockDevices) throws(Failure) -> MountedPartition {
        let node = try devices.node(device)
        let options = MountOptions(options)
        return try Failure.naming("mount \(device)", target) { () throws(Errno) in
            try makeDirectories(FilePath(target))
            let partition = try MountedPartition(node, on: target, restingJournal: restsJournal)
            try mountFileSystem(
                node.string,
                target,
                type: type,
                flags: options.flags,
                data: options.data
            )
            return partition
        }
    }
}
