package import SystemIO
package import SystemPackage

/// What a virtual machine is made of, whatever runs it.
package struct MachineConfiguration: Sendable {
    package struct Disk: Sendable {
        package var path: FilePath
        package var format: DiskFormat
        /// What the guest finds the disk by; at most 20 bytes (virtio-blk).
        package var serial: String
        /// Throw away what the guest writes (a smoke boot must not change the disk).
        package var isSnapshot = false
        /// The guest cannot write at all.
        package var isReadOnly = false

        package init(
            path: FilePath,
            format: DiskFormat,
            serial: String,
            isSnapshot: Bool = false,
            isReadOnly: Bool = false
        ) {
            self.path = path
            self.format = format
            self.serial = serial
            self.isSnapshot = isSnapshot
            self.isReadOnly = isReadOnly
        }
    }

    /// What the machine starts from.
    package enum Boot: Sendable {
        /// The firmware finds a boot loader on the first disk.
        case firmware(Firmware)
        /// A kernel (bzImage, or a vmlinux with a PVH note) is loaded by the machine.
        case kernel(FilePath, initramfs: FilePath, commandLine: String)
    }

    package var boot: Boot
    package var disks: [Disk]
    /// In MiB.
    package var memory: Int
    package var processors: Int
    /// The unix socket of our vhost-user vsock device, if the guest gets one.
    package var vsockSocket: FilePath?
    /// The unix socket on which we listen for the virtio-serial control port.
    package var controlSocket: FilePath?
    /// Where the guest's serial console goes.
    package var console: Console
    /// nil for a machine that is not to be saved, and never was.
    package var saving: Saving?
    /// Whether QEMU is told what was measured to be faster; off only to compare with.
    package var isTuned = true

    /// What is different in a machine that is saved, or resumed: its monitor attaches disks and virtio socket
    /// while it stands still.
    package struct Saving: Sendable {
        /// The guest's memory, a file of ours.
        package var memory: SharedFD
        /// The unix socket on which we listen for QEMU's monitor.
        package var monitorSocket: FilePath
        /// Whether it waits to be given, by its monitor, the state of one that was saved.
        package var isResumed: Bool
    }

    package enum Console: Sendable {
        case file(FilePath)
        /// A unix socket on which we listen.
        case socket(FilePath)
    }

    package init(
        boot: Boot,
        disks: [Disk],
        memory: Int,
        processors: Int,
        vsockSocket: FilePath? = nil,
        controlSocket: FilePath? = nil,
        console: Console
    ) {
        self.boot = boot
        self.disks = disks
        self.memory = memory
        self.processors = processors
        self.vsockSocket = vsockSocket
        self.controlSocket = controlSocket
        self.console = console
    }
}

/// The format of a disk file.
package enum DiskFormat: String, Sendable, CaseIterable {
    case qcow2
    case raw
}
