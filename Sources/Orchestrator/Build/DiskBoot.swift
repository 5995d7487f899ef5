import CLinux
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
        let knowledge = DiskAccelerators(isProof: !request.purpose.isInteractive)
        var accelerators = try AcceleratorSelection(
            accelerator,
            knowledge,
            candidates: accelerator.candidatesForDisk
        )
        try Self.check(request.disk)
        guard accelerator == .auto else {
            return try boot(request, accelerators.candidates[0]).get()
        }
        // A disk that fails to boot under KVM gets its chance under emulation, and only if that works
        // was KVM to blame.
        var end: Result<Void, BuildError>?
        while end == nil {
            if !accelerators.passedOver.isEmpty {
                note(accelerators.description)
            } else if request.purpose.isInteractive, knowledge.verdict(.kvm) == nil {
                note("KVM has not booted anything here yet: if it hangs, Ctrl-] and --accel tcg.")
            }
            end = try accelerators.start(note: { _ in }) { accelerator throws(BuildError) in
                try boot(request, accelerator)
            }
        }
        try end?.get()
    }

    private static func check(_ disk: FilePath) throws(BuildError) {
        do throws(Errno) {
            if try FileStatus(disk).kind == .directory { throw Errno.isDirectory }
            _ = try OwnedFD.open(disk, O_RDONLY | O_NONBLOCK)
        } catch {
            throw BuildError(
                .input,
                "cannot read the disk \(disk): \(error)",
                hint: error == .permissionDenied ? nil : "Check the path."
            )
        }
    }

    /// - Returns: how a session ended in which the user had the guest's console: no other accelerator could
    ///   take it up again.
    /// - Throws: what kept the guest from that.
    private func boot(
        _ request: Request,
        _ accelerator: Accelerator
    ) throws(BuildError) -> Result<Void, BuildError> {
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
        do throws(BuildError) {
            let console = SerialConsole(
                descriptor: try listener.connection(of: machine, cancellation),
                machine: machine,
                cancellation: cancellation
            )
            // QEMU may end at once, or hang before the first instruction.
            if accelerator == .kvm { try console.awaitFirstOutput(limit: Self.firmwareLimit) }
            switch request.purpose {
            case .interactive:
                return Result { () throws(BuildError) in
                    if try console.interact() == .userLeft { return }
                    if let failure = Self.failure(of: machine, request.disk) { throw failure }
                }
            case .expect(let text, let limit):
                return .success(try console.show(until: text, limit: limit))
            }
        } catch {
            throw error.isInterruption ? error : Self.failure(of: machine, request.disk) ?? error
        }
    }

    /// Why QEMU has ended, if that was not the guest's wish.
    private static func failure(of machine: QEMUMachine, _ disk: FilePath) -> BuildError? {
        guard let exit = machine.wait(milliseconds: 1000), !exit.isSuccess else { return nil }
        return failure(of: exit.description, machine.errorOutput, disk)
    }

    /// - Parameter lines: QEMU's own.
    static func failure(of exit: String, _ lines: [String], _ disk: FilePath) -> BuildError {
        if lines.contains(where: isNoSpace) {
            return BuildError(
                .space,
                "QEMU has no room for what \(disk) writes: \(exit)",
                hint: "Free space where temporary files lie, or choose another folder with TMPDIR.",
                details: lines
            )
        }
        let isDisk = lines.contains(where: QEMUCommand.isAboutDisk)
        return BuildError(
            isDisk ? .input : .host,
            "\(isDisk ? "QEMU cannot use the disk" : "QEMU failed to run") \(disk): \(exit)",
            hint: isDisk ? "Check that it is a disk, and of which format (--format)." : nil,
            details: lines
        )
    }
}

extension DiskBoot.Purpose {
    fileprivate var isInteractive: Bool {
        if case .interactive = self { true } else { false }
    }
}
