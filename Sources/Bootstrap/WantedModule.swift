/// A kernel module that the bootstrap machine needs, and what for.
package struct WantedModule: Sendable, Hashable {
    /// `-` and `_` are the same in module names.
    package let name: String
    package let reason: String
    /// Without it nothing can be built; others are left out where a kernel lacks them.
    package let isRequired: Bool

    package init(_ name: String, _ reason: String, isRequired: Bool = true) {
        self.name = name
        self.reason = reason
        self.isRequired = isRequired
    }

    /// What every build needs, in the order of loading where dependencies leave a choice: devices
    /// first, so that the machine answers early.
    package static let standard: [WantedModule] = [
        WantedModule("virtio_pci", "the bus that all devices are on"),
        WantedModule("virtio_console", "the control channel to the host"),
        WantedModule("vmw_vsock_virtio_transport", "the socket that carries the host's files"),
        WantedModule(nineP, "the host's files"),
        // Before Linux 5.17 it was part of 9pnet.
        WantedModule("9pnet_fd", "9P over that socket", isRequired: false),
        WantedModule("virtio_blk", "the disk"),
        WantedModule("ext4", "the root file system of the disk"),
        WantedModule("virtio_rng", "random numbers without waiting", isRequired: false),
        WantedModule("unix", "the sockets that tools of the tree use", isRequired: false),
    ]
    /// What a build needs whose root is a disk.
    package static let withoutNineP = standard.filter { !$0.isOfNineP }

    /// Loaded beside the others where there are two processors: they are half of all.
    var isOfDisk: Bool { name == "virtio_blk" || name == "ext4" }
    private var isOfNineP: Bool { name == WantedModule.nineP || name == "9pnet_fd" }
    /// The file system that some distributions' kernels lack.
    package static let nineP = "9p"

    /// What a build needs in User-mode Linux: virtio comes over a bus of its own, the control channel
    /// over the socket.
    package static let userMode: [WantedModule] =
        [WantedModule("virtio_uml", "the bus that all devices are on")]
        + standard.filter {
            !["virtio_pci", "virtio_console", "virtio_rng", "unix"].contains($0.name)
        }
}
