import SystemIO
import SystemPackage
import VirtioSocket

/// A bootstrap VM whose agent takes requests, and its end.
final class VMSession {
    let guest: Guest
    let machine: any GuestMachine
    /// Of the way to the agent's hello.
    let times: BootTimes
    /// How the guest has the bootstrap tree.
    let root: BootstrapRoot
    private let device: VsockDevice
    /// Set when the machine's snapshot is in the cache, where it is put beside the work.
    private let kept: Latch<Void>?

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
        /// Whether a snapshot may be made and resumed.
        var resumes = true
    }

    /// A boot as anybody would write it, to compare with.
    struct StockBoot {
        /// The kernel as the commit holds it, which decompresses itself.
        var kernel: FilePath
        var commandLine: String
    }

    init(
        guest: Guest,
        machine: any GuestMachine,
        device: VsockDevice,
        times: BootTimes,
        root: BootstrapRoot,
        kept: Latch<Void>?
    ) {
        self.guest = guest
        self.machine = machine
        self.device = device
        self.times = times
        self.root = root
        self.kept = kept
    }

    /// Ends the machine if it still runs.
    func stop() {
        machine.stop()
        device.stop()
        kept?.wait()
    }

    /// Starts the VM on the best accelerator that works, which this very boot proves.
    static func start(_ given: Setup) throws(BuildError) -> VMSession {
        var setup = given
        while true {
            if let session = try setup.accelerators.start(
                note: { setup.reporter.report(.note($0)) },
                { accelerator throws(BuildError) in
                    try VMStart(setup: given, boot: setup.boot, accelerator: accelerator).session()
                }
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
}
