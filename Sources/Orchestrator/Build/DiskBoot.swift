import SystemIO
package import SystemPackage

/// Boots a finished disk from its firmware, without changing it.
package struct DiskBoot: Sendable {
    private let tools: Tools
    private let cancellation: Cancellation

    package init(tools: Tools, cancellation: Cancellation) {
        self.tools = tools
        self.cancellation = cancellation
    }

    /// What the boot is for.
    package enum Purpose: Sendable {
        /// The serial console becomes the user's terminal.
        case interactive
        /// Succeeds when the text appears on the serial console; seconds to wait for it.
        case expect(String, limit: Double)
    }

    /// What to boot, and what for.
    package struct Request: Sendable {
        package var disk: FilePath
        package var format: DiskFormat
        package var purpose: Purpose
        package var firmware: FirmwareChoice
        /// In MiB.
        package var memory: Int

        package init(
            disk: FilePath,
            format: DiskFormat,
            purpose: Purpose,
            firmware: FirmwareChoice,
            memory: Int
        ) {
            self.disk = disk
            self.format = format
            self.purpose = purpose
            self.firmware = firmware
            self.memory = memory
        }
    }

    /// Seconds for the firmware's first word on the console; it needs a few at most.
    private static let firmwareLimit = 30.0

    /// - Parameter note: gets one line when the choice falls on emulation, or is not certain.
    package func run(
        _ request: Request,
        accelerator: AcceleratorChoice,
        note: (String) -> Void
    ) throws(BuildError) {
        guard mayAccess(request.disk, 4) else {
            throw BuildError(
                .input,
                "cannot read the disk \(request.disk)",
                hint: "Check the path."
            )
        }
        switch accelerator {
        case .tcg: try boot(request, .tcg)
        case .kvm: try boot(request, .kvm)
        case .uml:
            throw BuildError(
                .usage,
                "User-mode Linux cannot boot a disk: it has no firmware and brings its own kernel",
                hint: "--accel uml is for the bootstrap VM of `build` and `shell`."
            )
        case .auto: try bootAutomatically(request, note)
        }
    }

    /// KVM where a boot has proved it; where none has yet, this one may. A disk that fails to boot
    /// under KVM gets its chance under emulation, and only if that works was KVM to blame.
    private func bootAutomatically(
        _ request: Request,
        _ note: (String) -> Void
    ) throws(BuildError) {
        let verdicts = AcceleratorVerdicts.kvm
        if let obstacle = HostAccelerators.obstacleToKVM {
            note("No KVM (\(obstacle)): the machine is emulated (TCG).")
            return try boot(request, .tcg)
        }
        switch verdicts.known {
        case .works: return try boot(request, .kvm)
        case .fails(let reason):
            note("No KVM (\(reason)): the machine is emulated (TCG).")
            return try boot(request, .tcg)
        case nil: break
        }
        if case .interactive = request.purpose {
            note("KVM has not booted anything here yet: if it hangs, Ctrl-] and --accel tcg.")
        }
        do throws(BuildError) {
            try boot(request, .kvm)
            if case .expect = request.purpose { verdicts.remember(.works) }
        } catch {
            if case .interrupted = error.kind { throw error }
            let reason = error.details.first ?? error.message
            note("KVM does not work here (\(reason)): emulating (TCG).")
            try boot(request, .tcg)
            verdicts.remember(.fails(reason))
        }
    }

    private func boot(_ request: Request, _ accelerator: Accelerator) throws(BuildError) {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let socket = folder.path.appending("console")
        let listener = try ControlListener(socket)
        let disk = MachineConfiguration.Disk(
            path: request.disk,
            format: request.format,
            serial: "disk",
            isSnapshot: true
        )
        let machine = try QEMUMachine(
            MachineConfiguration(
                boot: .firmware(try request.firmware.firmware(for: request.disk)),
                disks: [disk],
                memory: request.memory,
                processors: processorCount(),
                console: .socket(socket)
            ),
            accelerator: accelerator,
            in: folder,
            launcher: tools.launcher
        )
        defer { machine.stop() }
        guard let descriptor = try listener.accept(milliseconds: 20_000) else {
            throw BuildError(.host, "QEMU did not start", details: machine.errorOutput)
        }
        let console = SerialConsole(
            descriptor: descriptor,
            machine: machine,
            cancellation: cancellation
        )
        // QEMU may end at once, or hang before the first instruction.
        if accelerator == .kvm { try console.awaitFirstOutput(limit: Self.firmwareLimit) }
        switch request.purpose {
        case .interactive: try console.interact()
        case .expect(let text, let limit): try console.show(until: text, limit: limit)
        }
    }
}
