import Bootstrap
import GuestProtocol
import SystemIO
import SystemPackage
import VirtioSocket

/// The way to an agent that takes requests, on one accelerator: the machine is booted, or resumed from a
/// snapshot of its like.
struct VMStart {
    let setup: VMSession.Setup
    let boot: VMHost.Boot
    let accelerator: Accelerator

    /// Seconds for the way to the agent's hello. KVM takes about one; an emulated guest on a busy
    /// host may take a minute.
    private var helloLimit: Double {
        switch accelerator {
        case .kvm: 20
        case .uml: 60
        case .tcg: 180
        }
    }

    func session() throws(BuildError) -> VMSession {
        if let session = try savedSession() { return session }
        return try running(in: try folder(accelerator.rawValue), begin: connected)
    }

    // MARK: The parts of every start

    /// Below the run's own, so that one start is not in another's way.
    func folder(_ name: String) throws(BuildError) -> FilePath {
        let folder = setup.folder.path.appending(name)
        do throws(Errno) {
            try makeDirectories(folder, mode: 0o700)
        } catch {
            throw .system(error, "cannot make", folder)
        }
        return folder
    }

    var disks: [MachineConfiguration.Disk] { setup.disks + (boot.rootDisk.map { [$0] } ?? []) }

    /// What is started, without disks and sockets.
    func configuration(in folder: FilePath) -> MachineConfiguration {
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
            disks: [],
            memory: setup.memory,
            processors: setup.processors,
            console: .file(folder.appending("console"))
        )
        configuration.isTuned = setup.stock == nil
        return configuration
    }

    /// A started machine, and where its agent is heard.
    struct Started {
        var machine: any GuestMachine
        var channel: GuestChannel
        var startTime: Double
    }

    func start(
        _ configuration: MachineConfiguration,
        _ endpoint: any ControlEndpoint
    ) throws(BuildError) -> Started {
        let startTime = monotonicSeconds()
        let machine = try accelerator.machine.init(
            configuration,
            accelerator: accelerator,
            in: setup.folder,
            launcher: setup.tools.launcher
        )
        do throws(BuildError) {
            let channel = GuestChannel(
                descriptor: try endpoint.connection(of: machine, setup.cancellation),
                machine: machine,
                cancellation: setup.cancellation
            )
            return Started(machine: machine, channel: channel, startTime: startTime)
        } catch {
            machine.stop()
            throw error
        }
    }

    func awaitHello(
        _ started: Started
    ) throws(BuildError) -> (hello: Hello, welcome: [UInt8]) {
        try started.channel.awaitHello(limit: helloLimit)
    }

    /// Starts the machine with its disks and its virtio socket.
    /// - Parameter begin: from the start to an agent that takes requests.
    func running(
        in folder: FilePath,
        begin: (MachineConfiguration, any ControlEndpoint) throws(BuildError) -> Beginning
    ) throws(BuildError) -> VMSession {
        let control = try accelerator.machine.openControl(in: folder)
        let socket = folder.appending("vsock")
        let device: VsockDevice
        do throws(VsockError) {
            device = try VsockDevice(
                socketPath: socket,
                guestCID: VMServices.guestCID,
                services: setup.host.services.merging(control.services) { $1 }
            )
            try device.start()
        } catch {
            throw BuildError(.host, "cannot make the virtio socket: \(error)")
        }
        var machine = configuration(in: folder)
        machine.disks = disks
        machine.vsockSocket = socket
        machine.controlSocket = control.socket
        if let console = setup.console { machine.console = .socket(console) }
        do throws(BuildError) {
            let begun = try begin(machine, control.endpoint)
            return VMSession(
                guest: Guest(
                    channel: begun.started.channel,
                    kernelRelease: begun.hello.kernelRelease,
                    memory: setup.memory
                ),
                machine: begun.started.machine,
                device: device,
                times: begun.times,
                root: boot.choice.root,
                kept: begun.kept
            )
        } catch {
            device.stop()
            throw error
        }
    }

    /// What came of a start.
    struct Beginning {
        var started: Started
        var hello: Hello
        var times: BootTimes
        /// As `VMSession` has it.
        var kept: Latch<Void>?

        /// - Parameter isBooted: whether the hello tells of the way just gone.
        init(_ started: Started, _ hello: Hello, isBooted: Bool, kept: Latch<Void>? = nil) {
            let total = monotonicSeconds() - started.startTime
            self.started = started
            self.hello = hello
            self.kept = kept
            times = BootTimes(
                total: total,
                processor: started.machine.processorSeconds ?? 0,
                stages: isBooted ? BootTimes.Stages(total: total, hello: hello) : nil
            )
        }
    }

    private func connected(
        _ configuration: MachineConfiguration,
        _ endpoint: any ControlEndpoint
    ) throws(BuildError) -> Beginning {
        let started = try start(configuration, endpoint)
        do throws(BuildError) {
            let hello = try started.channel.handshake(limit: helloLimit)
            return Beginning(started, hello, isBooted: true)
        } catch {
            started.machine.stop()
            throw error
        }
    }
}
