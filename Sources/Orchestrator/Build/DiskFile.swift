import CLinux
import OSTree
import SystemIO
import SystemPackage

/// What is done to a disk's file as a whole.
enum DiskFile {
    /// An empty disk.
    /// - Parameter size: as the guest sees it, in bytes.
    static func create(
        _ path: FilePath,
        format: DiskFormat,
        size: UInt64,
        launcher: FilePath
    ) throws(BuildError) {
        try qemuImage(
            "make the disk \(path)",
            ["create", "-q", "-f", format.rawValue, path.string, String(size)],
            launcher
        )
    }

    /// A qcow2 overlay: it takes what is written, `backing` is only read.
    /// - Parameter name: how the overlay names the backing disk, relative to its own folder.
    static func createOverlay(
        _ path: FilePath,
        on name: String,
        format: DiskFormat,
        launcher: FilePath
    ) throws(BuildError) {
        try qemuImage(
            "make the overlay \(path)",
            ["create", "-q", "-f", "qcow2", "-F", format.rawValue, "-b", name, path.string],
            launcher
        )
    }

    /// Copies what an overlay and its backing disk hold together; unused space takes none. A machine may
    /// have the overlay open, if it writes no more.
    static func flatten(
        _ overlay: FilePath,
        to path: FilePath,
        format: DiskFormat,
        launcher: FilePath
    ) throws(BuildError) {
        try qemuImage(
            "copy the disk to \(path)",
            [
                "convert", "-q", "-U", "-W", "-T", "none", "-t", "unsafe", "-f", "qcow2", "-O",
                format.rawValue, overlay.string, path.string,
            ],
            launcher
        )
    }

    /// `qemu-img check`; raw files have no structure to check.
    static func check(
        _ path: FilePath,
        format: DiskFormat,
        launcher: FilePath
    ) throws(BuildError) {
        guard format == .qcow2 else { return }
        try qemuImage(
            "check the disk \(path)",
            ["check", "-q", "-f", format.rawValue, path.string],
            launcher
        )
    }

    /// The first bytes of a disk.
    static func head(
        _ path: FilePath,
        format: DiskFormat,
        count: Int,
        launcher: FilePath
    ) throws(BuildError) -> [UInt8] {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let copy = folder.path.appending("head")
        try qemuImage(
            "read the disk \(path)",
            [
                "dd", "-f", format.rawValue, "-O", "raw", "bs=\(count)", "count=1",
                "if=\(path)", "of=\(copy)",
            ],
            launcher
        )
        do throws(Errno) {
            return try readFile(copy)
        } catch {
            throw .system(error, "cannot read", copy)
        }
    }

    static func status(_ path: FilePath) throws(BuildError) -> FileStatus {
        do throws(Errno) {
            return try FileStatus(path)
        } catch {
            throw .system(error, "cannot look at", path)
        }
    }

    /// Checksum of the file as it is on the host. What has been read begins to go to the disk, so that
    /// less is left for the flush before it is published.
    static func sha256(_ path: FilePath) throws(BuildError) -> Checksum {
        do throws(Errno) {
            let file = try OwnedFD.open(path, O_RDONLY)
            let hash = SHA256()
            var offset: UInt64 = 0
            while true {
                let bytes = try readSome(file.rawValue, limit: 1 << 20)
                if bytes.isEmpty { return hash.finish() }
                let end = offset + UInt64(bytes.count)
                startFlushing(file.rawValue, offset..<end)
                hash.update(bytes)
                offset = end
            }
        } catch {
            throw .system(error, "cannot read", path)
        }
    }

    /// What images are made and checked by.
    @discardableResult
    static func requireProgram() throws(BuildError) -> FilePath {
        if let program = findProgram("qemu-img") { return program }
        throw BuildError(
            .host,
            "no qemu-img in PATH",
            hint: "Install it: apt install qemu-utils"
        )
    }

    private static func qemuImage(
        _ action: String,
        _ arguments: [String],
        _ launcher: FilePath
    ) throws(BuildError) {
        let program = try requireProgram()
        let output: CommandOutput
        do throws(Errno) {
            output = try CommandOutput(launcher: launcher, program, arguments)
        } catch {
            throw BuildError(.host, "cannot start \(program): \(error)")
        }
        if output.exit.isSuccess { return }
        var error = BuildError(
            output.lines.contains { isNoSpace($0) } ? .space : .host,
            "cannot \(action): qemu-img \(output.exit.description)",
            details: output.lines
        )
        error.command = ([program.string] + arguments).joined(separator: " ")
        throw error
    }
}
