package import GuestProtocol
import SystemIO
package import SystemPackage

/// Finds disks by serial and partitions by number in sysfs
/// (Documentation/ABI/stable/sysfs-block).
package struct BlockDevices: Sendable {
    private let paths: SystemPaths
    /// By name, for disks that do not tell theirs.
    private let serials: [String: String]

    package init(paths: SystemPaths) {
        self.paths = paths
        serials = KernelCommandLine(paths: paths).serials
    }

    /// The device node of a disk or partition.
    package func node(_ device: BlockDevice) throws(Failure) -> FilePath {
        let disk = try diskName(device.serial)
        guard let number = device.partition else { return paths.dev.appending(disk) }
        guard let name = partitionName(disk, number) else {
            throw Failure(.noSuchDevice, step: "find partition", subject: device.description)
        }
        return paths.dev.appending(name)
    }

    /// Whether the kernel knows the partition and its node is there.
    package func exists(_ device: BlockDevice) -> Bool {
        guard let path = try? node(device) else { return false }
        return fileExists(path)
    }

    /// virtio-blk shows `serial` in the disk's own directory, NVMe and MMC under `device`.
    private func diskName(_ serial: String) throws(Failure) -> String {
        let block = paths.sys.appending("block")
        for name in (try? directoryNames(block)) ?? [] {
            if serials[name] == serial { return name }
            let disk = block.appending(name)
            for file in ["serial", "device/serial"] where text(disk.appending(file)) == serial {
                return name
            }
        }
        throw Failure(.noSuchDevice, step: "find disk", subject: "disk \(serial)")
    }

    private func partitionName(_ disk: String, _ number: UInt32) -> String? {
        let directory = paths.sys.appending("block").appending(disk)
        let names = (try? directoryNames(directory)) ?? []
        return names.first { name in
            text(directory.appending(name).appending("partition")) == String(number)
        }
    }

    private func text(_ path: FilePath) -> String? {
        guard let bytes = try? readFile(path, limit: 4096) else { return nil }
        return trimmed(String(decoding: bytes, as: UTF8.self))
    }
}

/// Without white space at both ends.
func trimmed(_ text: String) -> String {
    let head = text.drop(while: \.isWhitespace)
    return String(head.reversed().drop(while: \.isWhitespace).reversed())
}
