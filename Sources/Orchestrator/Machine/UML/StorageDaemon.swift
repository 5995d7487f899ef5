import CLinux
import SystemIO
import SystemPackage

/// A disk file as a vhost-user-blk device: QEMU's own block layer in a process of its own, for a
/// machine that is not QEMU.
final class StorageDaemon: Sendable {
    private let process: ChildProcess
    let socket: FilePath
    private let errors: FilePath

    /// Starts it, and waits until the device's socket is there.
    /// - Parameter folder: short and private.
    init(
        _ disk: MachineConfiguration.Disk,
        in folder: FilePath,
        launcher: FilePath
    ) throws(BuildError) {
        guard let program = findProgram(UMLInstallation.storageDaemon) else {
            throw BuildError(
                .host,
                "no \(UMLInstallation.storageDaemon) in PATH",
                hint: UMLInstallation.remedy
            )
        }
        socket = folder.appending("disk-\(disk.serial)")
        errors = folder.appending("disk-\(disk.serial)-errors")
        do throws(Errno) {
            let log = try OwnedFD.open(errors, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
            process = try ChildProcess.start(
                launcher: launcher,
                program,
                Self.arguments(disk, socket: socket),
                standardOutput: log.rawValue,
                standardError: log.rawValue
            )
        } catch {
            throw BuildError(.host, "cannot start \(program): \(error)")
        }
        for _ in 0..<3000 where !fileExists(socket) {
            guard let exit = process.wait(milliseconds: 10) else { continue }
            throw BuildError(
                .host,
                "cannot open the disk \(disk.path): \(program) \(exit.description)",
                details: errorOutput
            )
        }
    }

    /// As QEMU's `-drive` in `QEMUCommand`: never flushed, discards punch holes.
    static func arguments(_ disk: MachineConfiguration.Disk, socket: FilePath) -> [String] {
        let path = JSONValue.string(disk.path.string)
        let file: JSONValue = .object([
            ("driver", .string("file")), ("filename", path), ("discard", .string("unmap")),
        ])
        let node: JSONValue = .object([
            ("node-name", .string("disk")), ("driver", .string(disk.format.rawValue)),
            ("discard", .string("unmap")), ("detect-zeroes", .string("unmap")),
            ("cache", .object([("no-flush", .boolean(true))])), ("file", file),
        ])
        let export: JSONValue = .object([
            ("type", .string("vhost-user-blk")), ("id", .string("export")),
            ("node-name", .string("disk")), ("writable", .boolean(true)),
            (
                "addr",
                .object([("type", .string("unix")), ("path", .string(socket.string))])
            ),
        ])
        return ["--blockdev", node.text, "--export", export.text]
    }

    /// Waits for its end, without limit.
    func waitForEnd() { _ = process.wait() }

    /// Writes what it still holds and ends.
    func finish() { process.terminate(grace: 60_000) }

    /// What it complained of, and how it ended if not as it should.
    var errorOutput: [String] {
        let end = process.wait(milliseconds: 0)
        return lastLines(of: errors, count: 10)
            + (end.map { $0.isSuccess ? [] : ["the disk's server: \($0.description)"] } ?? [])
    }
}
