import SystemPackage

/// User-mode Linux's command line: the one place that knows its arguments.
enum UMLCommand {
    /// - Parameters:
    ///   - folder: for its pid file and management socket; private, without spaces and colons, as are
    ///     all paths here.
    ///   - disks: sockets of vhost-user-blk devices, in the order of their names in the guest.
    static func arguments(
        _ machine: MachineConfiguration,
        initramfs: FilePath,
        folder: FilePath,
        disks: [FilePath]
    ) -> [String] {
        var arguments = [
            "mem=\(machine.memory)M", "initrd=\(initramfs)", "uml_dir=\(folder)/", "umid=machine",
        ]
        if case .kernel(_, _, let commandLine) = machine.boot {
            arguments += commandLine.split(separator: " ").map(String.init)
        }
        // Its console is our end of the standard descriptors; other terminals would open windows.
        arguments += ["con=null", "ssl=null"]
        switch machine.console {
        case .file: arguments += ["con0=null,fd:1"]
        case .socket: arguments += ["con0=fd:0,fd:1"]
        }
        // Virtio device types: 2 is a disk, 19 a socket.
        arguments += disks.map { "virtio_uml.device=\($0):2" }
        if let socket = machine.vsockSocket { arguments.append("virtio_uml.device=\(socket):19") }
        return arguments
    }
}
