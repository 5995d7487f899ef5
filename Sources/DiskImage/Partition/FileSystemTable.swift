extension DiskLayout {
    /// `/etc/fstab` for a system on this layout: everything is found by its label, as
    /// gnome-continuous wrote it. Nothing in a running system needs the EFI system partition, and
    /// FAT is best left unmounted.
    package var fileSystemTable: [UInt8] {
        var lines: [String] = []
        for partition in partitions {
            switch partition.role {
            case .root: lines.append("LABEL=\(partition.label) / ext4 defaults 0 1")
            case .boot: lines.append("LABEL=\(partition.label) /boot ext4 defaults 0 2")
            case .swap: lines.append("LABEL=\(partition.label) swap swap defaults 0 0")
            case .esp: break
            }
        }
        return Array((lines.joined(separator: "\n") + "\n").utf8)
    }
}
