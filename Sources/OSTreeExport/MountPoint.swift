/// A directory that the view shows although commits need not hold it: something is mounted there, in
/// an installed system or in the bootstrap machine.
package struct MountPoint: Sendable {
    /// From the root, without a slash in front. Folders above it are made as well.
    package let path: String
    /// Permission bits.
    package let mode: UInt32

    package init(_ path: String, mode: UInt32 = 0o755) {
        self.path = path
        self.mode = mode
    }

    /// What every commit's view has. Where the commit has something of that name, also a link to
    /// elsewhere, that is shown instead.
    package static let standard: [MountPoint] = [
        MountPoint("boot"),
        MountPoint("dev"),
        MountPoint("mnt"),
        MountPoint("proc", mode: 0o555),
        MountPoint("run"),
        MountPoint("sys", mode: 0o555),
        MountPoint("sysroot"),
        MountPoint("tmp", mode: 0o1777),
        MountPoint("var"),
        // For the guest agent: the host's repository, the new disk, and room to work in.
        MountPoint("builddisks/repo"),
        MountPoint("builddisks/disk"),
        MountPoint("builddisks/scratch"),
    ]
}
