import CLinux
import GuestProtocol
import SystemIO
import SystemPackage

/// What PID 1 of the bootstrap machine does, from the kernel's start of it to power-off.
package enum InitProcess {
    /// Never comes back when this is PID 1; otherwise says so and returns an exit code.
    package static func run() -> CInt { run(Agent.build, serve) }

    /// What the init process of any of our guests does around its purpose.
    /// - Parameters:
    ///   - name: for the console.
    ///   - serve: does what the machine is for, and says why it is done.
    package static func run(_ name: String, _ serve: (Startup) -> String) -> CInt {
        guard getpid() == 1 else {
            writeLine("this program is the init process of a bootstrap machine")
            return 2
        }
        umask(0o022)
        clinux_ignore_signal(SIGPIPE)
        mountKernelFileSystems()
        openConsole()
        writeLine(name)
        let statistics = ProcStatistics(paths: SystemPaths())
        var startup = Startup()
        startup.uptimeMilliseconds = statistics.uptimeMilliseconds()
        KernelModules.load(from: "/modules") {
            writeLine($0)
            startup.warnings.append($0)
        }
        startup.moduleMilliseconds =
            statistics.uptimeMilliseconds() &- startup.uptimeMilliseconds
        powerOff(serve(startup))
    }

    private static func serve(_ startup: Startup) -> String {
        do throws(Errno) {
            let channel = try ControlChannel(try openControl())
            let agent = Agent(channel: channel, isInit: true, startup: startup) { writeLine($0) }
            // Without its host the machine has no purpose, and the disk is not going to be used.
            switch try agent.serve(onChannelEnd: { powerOff($0) }) {
            case .poweredOff:
                // The last answer is on its way; the host closes the channel when it has it.
                channel.waitForEnd(milliseconds: 500)
                return "done"
            case .channelEnded(let reason), .refused(let reason):
                return reason
            }
        } catch {
            return "control channel: \(error)"
        }
    }

    /// The virtio-serial port, or the virtio socket where the host says so.
    private static func openControl() throws(Errno) -> SharedFD {
        let paths = SystemPaths()
        guard let port = KernelCommandLine(paths: paths).controlPort else {
            return try ControlPort.open(
                ControlProtocol.portName,
                paths: paths,
                milliseconds: 30_000
            )
        }
        return SharedFD(
            OwnedFD(
                try syscall { clinux_connect_vsock(UInt32(VMADDR_CID_HOST), port, 1 << 20, 30) }
            )
        )
    }

    /// Errors show in the step that needs what is missing; the console may not be there yet.
    private static func mountKernelFileSystems() {
        for (type, target, flags) in [
            ("devtmpfs", "/dev", MS_NOSUID), ("sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC),
            ("tmpfs", "/run", MS_NOSUID | MS_NODEV),
        ] {
            try? makeDirectories(FilePath(target))
            try? mountFileSystem(type, target, type: type, flags: UInt(flags))
        }
    }

    /// The kernel opened no console for us, as the initramfs has no /dev/console: without this the
    /// first files that are opened would be the standard descriptors of every command.
    private static func openConsole() {
        for path in ["/dev/console", "/dev/null"] {
            let descriptor = unsafe clinux_open(path, O_RDWR | O_NOCTTY, 0)
            guard descriptor >= 0 else { continue }
            for standard in 0...2 where descriptor != standard { dup2(descriptor, CInt(standard)) }
            if descriptor > 2 { close(descriptor) }
            return
        }
    }

    private static func writeLine(_ text: String) {
        _ = try? writeAll(STDERR_FILENO, Array("builddisks: \(text)\n".utf8))
    }

    private static func powerOff(_ reason: String) -> Never {
        writeLine("power off: \(reason)")
        while true {
            reboot(CInt(RB_POWER_OFF))
            // Only where the kernel cannot switch the machine off.
            sleep(1)
        }
    }
}
