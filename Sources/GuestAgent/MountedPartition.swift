import CLinux
import DiskImage
import SystemIO
import SystemPackage

/// A partition whose file system is mounted, maybe with a resting journal: the kernel of an emulated
/// guest then writes each block of metadata once, and keeps no account of it.
struct MountedPartition {
    let target: String
    private let node: FilePath
    private let restsJournal: Bool

    /// Before the file system is mounted.
    /// - Parameter restingJournal: where the journal allows it.
    init(_ node: FilePath, on target: String, restingJournal: Bool) throws(Errno) {
        self.target = target
        self.node = node
        guard restingJournal else {
            restsJournal = false
            return
        }
        let partition = try OwnedFD.open(node, O_RDWR)
        guard var setting = try Self.journal(of: partition), setting.canBeOff else {
            restsJournal = false
            return
        }
        setting.isOn = false
        try Self.write(setting, to: partition)
        restsJournal = true
    }

    /// Once it is unmounted, or read-only. The flush is for those who read the disk's file from now on: QEMU
    /// (cache=unsafe) writes the tables of a qcow2 to the file when the guest flushes.
    func end() throws(Errno) {
        let partition = try OwnedFD.open(node, restsJournal ? O_RDWR : O_RDONLY)
        if restsJournal {
            guard var setting = try Self.journal(of: partition) else { throw .invalidArgument }
            setting.isOn = true
            try Self.write(setting, to: partition)
        }
        letFlush()
        try syscall { fsync(partition.rawValue) }
    }

    /// qemu-storage-daemon (7.2) says that it writes through, so that the kernel flushes nothing, but
    /// holds the tables of a qcow2 back as QEMU does. Told to write back (VIRTIO_BLK_F_CONFIG_WCE), it is
    /// sent flushes. Only now: until here they would cost time and serve nobody. A disk that cannot be told
    /// is left alone: what it writes later is noticed by the host.
    private func letFlush() {
        guard let name = node.lastComponent?.string else { return }
        // The link leads into the disk's own folder.
        let cache = FilePath("/sys/class/block/\(name)/../cache_type")
        guard let type = try? readFile(cache, limit: 64),
            trimmed(String(decoding: type, as: UTF8.self)) == "write through",
            let file = try? OwnedFD.open(cache, O_WRONLY)
        else { return }
        try? writeAll(file.rawValue, Array("write back".utf8))
    }

    private static func journal(of partition: borrowing OwnedFD) throws(Errno) -> JournalSetting? {
        JournalSetting(
            try partition.read(count: JournalSetting.length, at: JournalSetting.offset)
        )
    }

    private static func write(
        _ setting: JournalSetting,
        to partition: borrowing OwnedFD
    ) throws(Errno) {
        try writeAll(partition.rawValue, setting.bytes, at: JournalSetting.offset)
    }
}
