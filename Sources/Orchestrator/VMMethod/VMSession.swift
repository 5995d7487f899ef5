import Bootstrap
import GuestProtocol
import SystemIO
import SystemPackage
import VirtioSocket

/// The bootstrap VM, from its start to the agent's hello, and its end.
final class VMSession {
    let guest: Guest
    let machine: any GuestMachine
    /// Of the way to the agent's hello.
    let times: BootTimes
    /// How the guest has the bootstrap tree.
    let root: BootstrapRoot
    private let device: VsockDevice

    /// Everything that a start needs.
    struct Setup {
        var host: VMHost
        /// What the machine is tried on; loses what fails.
        var accelerators: AcceleratorSelection
        /// Made ready for the best of these.
        var boot: VMHost.Boot
        /// Without the one that the root is on.
        var disks: [MachineConfiguration.Disk]
        var memory: Int
        var processors: Int
        var folder: PrivateFolder
        var tools: Tools
        var cancellation: Cancellation
        var reporter: any BuildReporter
        /// Where the guest's console goes; nil keeps it for failure reports.
        var console: FilePath?
        /// What is booted; nil is the bootstrap kernel, by our own command line.
        var stock: StockBoot?
    }

    /// A boot as anybody would write it, to compare with.
    struct StockBoot {
        /// The kernel as the commit holds it, which decompresses itself.
        var kernel: FilePath
        var commandLine: String
    }

    /// Seconds for the way to the agent's hello. KVM takes about one; an emulated guest on a busy
    /// host may take a minute.
    private static let helloLimit: [Accelerator: Double] = [.kvm: 20, .uml: 60, .tcg: 180]

    private init(
        guest: Guest,
        machine: any GuestMachine,
        device: VsockDevice,
        times: BootTimes,
        root: BootstrapRoot
    ) {
        self.guest = guest
        self.machine = machine
        self.device = device
        self.times = times
        self.root = root
    }

    /// Ends the machine if it still runs.
    func stop() {
        machine.stop()
        device.stop()
    }

    /// Starts the VM on the best accelerator that works, which this very boot proves.
    static func start(_ given: Setup) throws(BuildError) -> VMSession {
        var setup = given
        while true {
            if let session = try setup.accelerators.start(
                note: { setup.reporter.report(.note($0)) },
                { accelerator throws(BuildError) in try start(given, setup.boot, accelerator) }
            ) {
                return session
            }
            if setup.boot.serves(setup.accelerators.candidates[0]) { continue }
            setup.boot = try setup.host.boot(
                &setup.accelerators,
                in: setup.folder,
                threads: setup.processors
            )
            setup.reporter.report(.note(setup.boot.choice.description))
        }
    }

    private static func start(
        _ setup: Setup,
        _ boot: VMHost.Boot,
        _ accelerator: Accelerator
    ) throws(BuildError) -> VMSession {
        let folder = setup.folder.path.appending(accelerator.rawValue)
        do throws(Errno) {
            try makeDirectories(folder, mode: 0o700)
        } catch {
            throw .system(error, "cannot make", folder)
        }
        let vsockPath = folder.appending("vsock")
        let type = accelerator.machine
        let control = try type.openControl(in: folder)
        let device: VsockDevice
        do throws(VsockError) {
            device = try VsockDevice(
                socketPath: vsockPath,
                guestCID: VMServices.guestCID,
                services: setup.host.services.merging(control.services) { $1 }
            )
            try device.start()
        } catch {
            throw BuildError(.host, "cannot make the virtio socket: \(error)")
        }
        var started = false
        defer { if !started { device.stop() } }
        let bootstrap = boot.choice.image
        var configuration = MachineConfiguration(
            boot: .kernel(
                setup.stock?.kernel ?? bootstrap.kernel,
                initramfs: bootstrap.initramfs,
                commandLine: setup.stock?.commandLine
                    ?? BootstrapCommandLine.text(
                        accelerator,
                        tickRate: bootstrap.tickRate,
                        counter: accelerator == .tcg ? HostCounter() : nil
                    )
            ),
            disks: setup.disks + (boot.rootDisk.map { [$0] } ?? []),
            memory: setup.memory,
            processors: setup.processors,
            vsockSocket: vsockPath,
            controlSocket: control.socket,
            console: setup.console.map { .socket($0) } ?? .file(folder.appending("console"))
        )
        configuration.isTuned = setup.stock == nil
        let startTime = monotonicSeconds()
        let machine = try type.init(
            configuration,
            accelerator: accelerator,
            in: setup.folder,
            launcher: setup.tools.launcher
        )
        defer { if !started { machine.stop() } }
        let channel = try connect(control.endpoint, machine, setup.cancellation)
        let hello = try channel.handshake(limit: helloLimit[accelerator] ?? 60)
        started = true
        return VMSession(
            guest: Guest(
                channel: channel,
                kernelRelease: hello.kernelRelease,
                memory: setup.memory
            ),
            machine: machine,
            device: device,
            times: BootTimes(
                total: monotonicSeconds() - startTime,
                processor: machine.processorSeconds ?? 0,
                hello: hello
            ),
            root: boot.choice.root
        )
    }

    private static func connect(
        _ endpoint: any ControlEndpoint,
        _ machine: any GuestMachine,
        _ cancellation: Cancellation
    ) throws(BuildError) -> GuestChannel {
        // QEMU calls at its start, User-mode Linux's agent when it runs; short waits tell an early death
        // from a slow host.
        for _ in 0..<150 {
            try cancellation.check()
            if let descriptor = try endpoint.accept(milliseconds: 200) {
                return GuestChannel(
                    descriptor: descriptor,
                    machine: machine,
                    cancellation: cancellation
                )
            }
            if let exit = machine.wait(milliseconds: 0) {
                throw BuildError(
                    .host,
                    "\(machine.name) ended at its start: \(exit.description)",
                    details: machine.errorOutput + machine.consoleTail.suffix(10)
                )
            }
        }
        throw BuildError(
            .host,
            "\(machine.name) did not start within 30 s",
            details: machine.errorOutput
        )
    }
}
