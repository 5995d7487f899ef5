import Bootstrap
import CAllocationCount
import CLinux
import NinePGuest
import NinePServer
import OSTree
import Orchestrator
import SystemIO
import SystemPackage
import VirtioSocket

/// An emulated guest that has one folder twice: from our server over our virtio socket, and from
/// QEMU's own virtio-9p device. It is the machine that builds boot, but for its init process.
final class BenchMachine {
    private let link: GuestLink
    private let device: VsockDevice
    private let qemu: ChildProcess
    /// Of our server: what the guest has asked.
    let statistics = Statistics()

    private static let guestCID: UInt64 = 3
    private static let port: UInt32 = 5640
    private static let tag = "tree"

    static let ours = GuestTask.Transport.socket(port: port)
    static let theirs = GuestTask.Transport.device(tag: tag)

    private static let modules: [WantedModule] = [
        WantedModule("virtio_pci", "the bus that all devices are on"),
        WantedModule("vmw_vsock_virtio_transport", "the socket"),
        WantedModule("9p", "the file system"),
        // Before Linux 5.17 it was part of 9pnet.
        WantedModule("9pnet_fd", "9P over the socket", isRequired: false),
        WantedModule("9pnet_virtio", "9P over QEMU's device"),
    ]

    /// - Parameters:
    ///   - tree: the folder.
    ///   - repository, ref: whose kernel is booted.
    ///   - timeLimit: seconds that the guest may take to boot, and for one task.
    ///   - folder: for sockets and the console; the caller removes it.
    init(
        exporting tree: FilePath,
        repository: FilePath,
        ref: String,
        processors: Int,
        appending more: String,
        timeLimit: Int,
        in folder: FilePath
    ) throws {
        let repository = try Repository(path: repository)
        let commit = try repository.commit(try repository.resolve(ref))
        let program = FilePath(try symlinkTarget("/proc/self/exe"))
        let image = try BootstrapImage.prepare(
            KernelFinder.find(in: commit, of: repository),
            agent: program.removingLastComponent().appending("ninep-bench-guest"),
            modules: Self.modules
        )
        let service = NinePService(
            exports: ExportTable([("tree", try HostTree(path: tree))]),
            observer: statistics
        )
        let console = folder.appending("console")
        let link = GuestLink(timeLimit: timeLimit, console: console)
        self.link = link
        let socket = folder.appending("vsock")
        device = try VsockDevice(
            socketPath: socket,
            guestCID: Self.guestCID,
            services: [Self.port: service, GuestBench.port: link]
        )
        try device.start()
        let machine = MachineConfiguration(
            boot: .kernel(
                image.kernel,
                initramfs: image.initramfs,
                commandLine: BootstrapCommandLine.text(
                    .tcg,
                    tickRate: image.tickRate,
                    counter: HostCounter()
                ) + " " + more
            ),
            disks: [],
            memory: 2048,
            processors: processors,
            vsockSocket: socket,
            console: .file(console)
        )
        let qemu = try ChildProcess.start(
            launcher: program,
            QEMUCommand.program,
            QEMUCommand.arguments(machine, accelerator: .tcg, sandbox: false) + [
                "-fsdev", "local,id=tree,path=\(tree),security_model=none,readonly=on",
                "-device", "virtio-9p-pci,fsdev=tree,mount_tag=\(Self.tag),romfile=",
            ],
            standardError: STDERR_FILENO
        )
        self.qemu = qemu
        _ = try Thread(name: "qemu") {
            let exit = qemu.wait()
            link.end("QEMU has ended: \(exit?.description ?? "")")
        }
    }

    /// Carries out a task.
    /// - Returns: what the guest says, and what the host's processors did for it, mounting included.
    func perform(_ task: GuestTask) throws -> HostedFigures {
        let before = (try processorSeconds(), messageCount, allocation_count())
        let figures = try link.perform(task)
        return HostedFigures(
            guest: figures,
            processorSeconds: try processorSeconds() - before.0,
            messages: messageCount - before.1,
            allocations: Int(allocation_count() - before.2)
        )
    }

    private var messageCount: Int { statistics.snapshot().reduce(0) { $0 + $1.row.replies } }

    /// Of QEMU and of this process, in which our server is. `clock_getcpuclockid`.
    private func processorSeconds() throws -> Double {
        var clock: clockid_t = 0
        let code = unsafe clock_getcpuclockid(qemu.processID, &clock)
        guard code == 0 else { throw Errno(rawValue: code) }
        return seconds(of: clock) + seconds(of: CLOCK_PROCESS_CPUTIME_ID)
    }

    func stop() {
        link.end("stopped")
        // The guest switches itself off.
        _ = qemu.wait(milliseconds: 5000)
        qemu.terminate()
        device.stop()
    }
}
