import CLinux
import SystemIO
import SystemPackage

/// A running User-mode Linux: the guest's kernel is an ordinary process, the guest's programs are
/// others that it traces.
final class UMLMachine: Machine {
    static let name = "User-mode Linux"

    let accelerator: Accelerator
    private let process: ChildProcess
    private let disks: [StorageDaemon]
    private let log: FilePath

    init(
        _ configuration: MachineConfiguration,
        accelerator: Accelerator,
        in folder: PrivateFolder,
        launcher: FilePath
    ) throws(BuildError) {
        guard case .kernel(let program, let initramfs, _) = configuration.boot else {
            throw BuildError(.usage, "User-mode Linux cannot boot a disk from its firmware")
        }
        self.accelerator = accelerator
        let path = folder.path.appending("uml")
        let image = path.appending("initramfs")
        log = path.appending("log")
        let memory = try GuestMemory.folder(preferring: path, size: configuration.memory)
        var started: [StorageDaemon] = []
        var isRunning = false
        defer { if !isRunning { for disk in started { disk.finish() } } }
        for disk in configuration.disks {
            started.append(try StorageDaemon(disk, in: path, launcher: launcher))
        }
        do throws(Errno) {
            // The kernel splits its command line at spaces, and the cache may lie anywhere.
            if !fileExists(image) { try makeSymlink(image, to: initramfs.string) }
            let output = try Self.console(configuration.console, log: log)
            process = try ChildProcess.start(
                launcher: launcher,
                program,
                UMLCommand.arguments(
                    configuration,
                    initramfs: image,
                    folder: path,
                    disks: started.map(\.socket)
                ),
                environment: ["TMPDIR": memory.string],
                supervision: Supervision(
                    confinement: Self.confinement(
                        [launcher, program, initramfs],
                        writable: [path, memory]
                    ),
                    isOnOneProcessor: true
                ),
                standardInput: output.rawValue,
                standardOutput: output.rawValue,
                standardError: output.rawValue
            )
        } catch {
            throw BuildError(.host, "cannot start \(program): \(error)")
        }
        isRunning = true
        disks = started
        // A supervisor that is killed leaves processes which hold the sockets open: to wait ends them.
        try startWorker("machine") { [process] in _ = process.wait() }
        // A guest whose disk has gone would wait for it for ever.
        for disk in started {
            try startWorker("disk") { [process] in
                disk.waitForEnd()
                process.terminate()
            }
        }
    }

    /// Reading what every program reads, writing nothing but its own: what a guest that broke out, or
    /// one of its programs that ran on when its tracer died, could reach of the user's files.
    static func confinement(
        _ needed: [FilePath],
        writable: [FilePath]
    ) -> Confinement {
        Confinement(
            readable: [
                "/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/ld.so.preload", "/proc",
                "/sys/devices/system/cpu", "/dev/urandom", "/dev/random", "/dev/zero",
            ] + needed,
            writable: ["/dev/null"] + writable
        )
    }

    /// Where kernel and agent write; a console that is a socket is read from as well.
    private static func console(
        _ console: MachineConfiguration.Console,
        log: FilePath
    ) throws(Errno) -> OwnedFD {
        switch console {
        case .file: try OwnedFD.open(log, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
        case .socket(let path): try UnixSocket.connect(to: path)
        }
    }

    func wait(milliseconds: CInt) -> ChildProcess.Exit? {
        guard let exit = process.wait(milliseconds: milliseconds) else { return nil }
        for disk in disks { disk.finish() }
        return exit
    }

    func stop() {
        process.terminate()
        for disk in disks { disk.finish() }
    }

    var errorOutput: [String] { disks.flatMap(\.errorOutput) }

    var consoleTail: [String] { lastLines(of: log, count: 30) }
}

extension UMLMachine: GuestMachine {
    static let consoleDevice = "tty0"

    /// What we started is the supervisor.
    var processorSeconds: Double? { nil }

    /// There is no virtio-serial port: the agent calls over the virtio socket.
    static func openControl(in folder: FilePath) throws(BuildError) -> ControlRoad {
        let control = SocketControl()
        return ControlRoad(endpoint: control, services: [SocketControl.port: control])
    }
}
