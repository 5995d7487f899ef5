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

    /// Once it is unmounted. The flush is for those who read the disk's file from now on: QEMU
    /// (cache=unsafe) writes the tables of a qcow2 to the file when the guest flushes.
    func end() throws(Errno) {
        let partition = try OwnedFD.open(node, restsJournal ? O_RDWR : O_RDONLY)
        if restsJournal {
            guard var setting = try Self.journal(of: partition) else { throw .invalidArgument }
            setting.isOn = true
            try Self.write(setting, to: partition)
        }
        try syscall { fsync(partition.rawValue) }
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
