import ByteStream
import SystemPackage

/// A machine that can be the bootstrap VM: all in which QEMU and User-mode Linux differ, but for the
/// kernel (`BootstrapChoice`) and its command line. What is above (agent, control protocol, virtio
/// socket, plan, steps) is the same for both.
protocol GuestMachine: Machine {
    /// What the guest kernel calls its console.
    static var consoleDevice: String { get }

    /// Opens the way for the control protocol.
    /// - Parameter folder: short and private.
    static func openControl(in folder: FilePath) throws(BuildError) -> ControlRoad

    /// Starts the machine.
    /// - Parameter folder: where its error output and scratch files go.
    /// - Throws: `.host` when a program is missing or cannot be started.
    init(
        _ configuration: MachineConfiguration,
        accelerator: Accelerator,
        in folder: PrivateFolder,
        launcher: FilePath
    ) throws(BuildError)

    /// Processor time that the program has used so far; nil where it is not known.
    var processorSeconds: Double? { get }
}

/// How the agent reaches the host.
struct ControlRoad {
    /// Where we wait for it.
    var endpoint: any ControlEndpoint
    /// The unix socket on which a virtio-serial port is expected to call; nil without such a port.
    var socket: FilePath?
    /// What the virtio socket has to offer for it, by port.
    var services: [UInt32: any StreamService] = [:]
}

extension Accelerator {
    /// What it runs in.
    var machine: any GuestMachine.Type {
        switch self {
        case .kvm, .tcg: QEMUMachine.self
        case .uml: UMLMachine.self
        }
    }
}
