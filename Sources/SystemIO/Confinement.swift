import CLinux
package import SystemPackage

/// What a process and all its descendants may still do with files, by Landlock: an unprivileged,
/// irrevocable limit (Documentation/userspace-api/landlock.rst). TCP, and where the kernel can tell,
/// abstract sockets and signals to others are closed as well.
package struct Confinement: Sendable, Equatable {
    /// Files and folders (with all below) to read and execute.
    package var readable: [FilePath]
    /// Files and folders (with all below) to read and change.
    package var writable: [FilePath]

    package init(readable: [FilePath], writable: [FilePath]) {
        self.readable = readable
        self.writable = writable
    }

    /// Access rights of linux/landlock.h.
    private enum Right {
        static let execute: UInt64 = 1 << 0
        static let writeFile: UInt64 = 1 << 1
        static let readFile: UInt64 = 1 << 2
        static let readDirectory: UInt64 = 1 << 3
        static let truncate: UInt64 = 1 << 14
        static let reading = execute | readFile | readDirectory
        /// What may be granted on something that is no folder.
        static let ofFiles = execute | writeFile | readFile | truncate | 1 << 15
        /// All that a version of the interface knows: 13 rights at first; REFER, TRUNCATE and
        /// IOCTL_DEV came with 2, 3 and 5.
        static func all(_ version: CInt) -> UInt64 {
            (1 << (version >= 5 ? 16 : version >= 3 ? 15 : version == 2 ? 14 : 13)) - 1
        }
    }

    /// Version of the kernel's Landlock; 0 where it has none or it is switched off.
    package static var supportedVersion: CInt { max(0, clinux_landlock_abi()) }

    /// Confines the calling thread and whatever it starts, for good. Paths that do not exist are
    /// passed over.
    /// - Returns: false where the kernel has no Landlock: then nothing is confined.
    package func enter() throws(Errno) -> Bool {
        let version = Self.supportedVersion
        guard version > 0 else { return false }
        let all = Right.all(version)
        let ruleset = OwnedFD(
            try syscall {
                clinux_landlock_ruleset(
                    all,
                    version >= 4 ? 0b11 : 0,
                    version >= 6 ? 0b11 : 0,
                    version >= 6 ? 24 : version >= 4 ? 16 : 8
                )
            }
        )
        for path in readable { try allow(path, all & Right.reading, ruleset.rawValue) }
        for path in writable { try allow(path, all, ruleset.rawValue) }
        // The kernel asks for it: a set-user-id program would shed the confinement's meaning.
        try syscall { clinux_no_new_privileges() }
        try syscall { clinux_landlock_restrict_self(ruleset.rawValue) }
        return true
    }

    private func allow(_ path: FilePath, _ access: UInt64, _ ruleset: CInt) throws(Errno) {
        guard let file = try? OwnedFD.open(path, O_PATH) else { return }
        let descriptor = file.rawValue
        let isFolder = try FileStatus(descriptor: descriptor).kind == .directory
        let access = isFolder ? access : access & Right.ofFiles
        try syscall { clinux_landlock_allow_beneath(ruleset, descriptor, access) }
    }
}
