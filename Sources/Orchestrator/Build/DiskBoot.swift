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

    /// - Parameter memory: in MiB.
    package func run(
        _ disk: FilePath,
        format: DiskFormat,
        purpose: Purpose,
        firmware: FirmwareChoice,
        accelerator: AcceleratorChoice,
        memory: Int
    ) throws(BuildError) {
        guard mayAccess(disk, 4) else {
            throw BuildError(.input, "cannot read the disk \(disk)", hint: "Check the path.")
        }
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let socket = folder.path.appending("console")
        let listener = try ControlListener(socket)
        let configuration = MachineConfiguration(
            boot: .firmware(try firmware.firmware(for: disk)),
            disks: [.init(path: disk, format: format, serial: "disk", isSnapshot: true)],
            memory: memory,
            processors: processorCount(),
            console: .socket(socket)
        )
        let machine = try QEMUMachine(
            configuration,
            accelerator: Self.accelerator(accelerator),
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
        switch purpose {
        case .interactive: try console.interact()
        case .expect(let text, let limit): try console.show(until: text, limit: limit)
        }
    }

    /// KVM where the user says so, or where a build has proved it; else what works everywhere.
    private static func accelerator(_ choice: AcceleratorChoice) -> Accelerator {
        switch choice {
        case .kvm: .kvm
        case .tcg: .tcg
        case .auto:
            AcceleratorVerdicts.obstacle() == nil && AcceleratorVerdicts().known == .works
                ? .kvm : .tcg
        }
    }
}
