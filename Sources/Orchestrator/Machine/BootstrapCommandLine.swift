import SystemIO

/// The bootstrap kernel's command line. Nothing here changes what a guest writes to a disk; each
/// argument saves time in a machine that lives for minutes (docs/boot.md has the figures).
package enum BootstrapCommandLine {
    /// A panic ends the machine (QEMU's `-no-reboot`) and is seen at once.
    /// Security modules (`lsm=`) label nothing without a policy, and cost time at every file.
    private static let always = ["quiet", "loglevel=4", "panic=-1", "audit=0", "lsm="]

    /// For a kernel that has a whole machine to itself.
    private static let machine = [
        "mitigations=off", "random.trust_cpu=on", "net.ifnames=0",
        // Self-tests of the kernel's ciphers, none of which we use.
        "cryptomgr.notests=1",
        // One more of them, which that does not stop, and the registration of all kernel probes.
        "initcall_blacklist=crypto_kdf108_init,init_kprobe_trace",
        // Debian's kernels clear all memory that they hand out.
        "init_on_alloc=0",
    ]

    /// The agent is told what this machine has no device for (docs/control-protocol.md).
    /// The two calls try ways of computing a RAID's parity, which takes a second.
    private static let userMode = [
        "initcall_blacklist=raid6_select_algo,calibrate_xor_blocks",
        "builddisks.control=vsock:\(SocketControl.port)",
        "builddisks.disk=vda:\(VMInstallation.diskSerial)",
    ]

    /// - Parameters:
    ///   - tickRate: the kernel's CONFIG_HZ; nil when unknown.
    ///   - counter: of the host; nil when it cannot be relied on.
    package static func text(
        _ accelerator: Accelerator,
        tickRate: Int?,
        counter: HostCounter?
    ) -> String {
        var arguments = ["console=\(accelerator.machine.consoleDevice)"] + always
        switch accelerator {
        case .kvm:
            // Under KVM the kernel is told its clock's frequency (kvmclock).
            arguments += machine
        case .uml:
            arguments += userMode
        case .tcg:
            arguments += machine + ["no_timer_check"]
            if let counter { arguments += clock(counter, tickRate: tickRate ?? slowestTickRate) }
        }
        return arguments.joined(separator: " ")
    }

    /// Of a kernel whose tick rate is not known: delays then take longer than they must, never less.
    private static let slowestTickRate = 100

    /// Under TCG the guest's time stamp counter is the host's.
    /// - `lpj`: the kernel would calibrate each further processor's delay loop, and fail at it on a
    ///   busy host. It delays by the counter, so this is ticks a jiffy.
    /// - `tsc=reliable`: QEMU keeps the counter from going back on any processor (cpu_get_ticks),
    ///   which the guest cannot know, so it would read a slow port for the time.
    private static func clock(_ counter: HostCounter, tickRate: Int) -> [String] {
        ["lpj=\(counter.frequency / UInt64(max(1, tickRate)))", "tsc=reliable"]
    }
}

/// A time stamp counter that runs at one frequency and never stops.
package struct HostCounter {
    /// Ticks a second. It is measured, a little differently each time: rounded, so that the same host gives the
    /// same command line, and upwards from there, as delays may be too long and never too short. The nominal
    /// frequencies lie in the middle between two steps.
    let frequency: UInt64

    init(frequency: UInt64) {
        let step: UInt64 = 10_000_000
        self.frequency = (min(frequency, 1 << 60) + step / 2) / step * step + step
    }

    /// The host's; nil where it is not of this kind.
    package init?() {
        guard TimeStampCounter.isSteady, let frequency = TimeStampCounter.frequency() else {
            return nil
        }
        self.init(frequency: frequency)
    }
}
