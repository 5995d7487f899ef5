package import SystemPackage

/// QEMU's command line: the one place that knows its arguments.
package enum QEMUCommand {
    package static let program: FilePath = "qemu-system-x86_64"

    /// What is said where that is missing, and what helps.
    static let absence = "QEMU is missing: no \(program) in PATH"
    static let remedy = "Install it: apt install qemu-system-x86 qemu-utils"

    /// Whether QEMU complains of what one of the machine's disks is: it names the option, as it does for
    /// what the host denies the disk, the temporary file of a snapshot or a lock that another run holds.
    static func isAboutDisk(_ complaint: String) -> Bool {
        // The option has the disk's path, which may say anything.
        guard complaint.contains("-drive \(diskOption)"),
            let options = complaint.ranges(of: endOfDiskOption).last
        else { return false }
        let reason = complaint[options.upperBound...]
        return !reason.contains("temporary") && !reason.contains(" lock")
    }

    private static let diskOption = "if=none,id=disk"
    private static let endOfDiskOption = "werror=report"

    private struct Options {
        let emulation: String
        let emulatedProcessor: String
        /// Added to the machine's other options.
        let machine: String
    }

    /// Measured under TCG on 2 cores (docs/boot.md):
    /// - ERMS/FSRM off: TCG runs `rep movsb` a byte at a time; without them the guest copies by words;
    /// - SSE4.2 off: its CRC-32C instruction is emulated bit by bit, for every checksum that ext4 makes;
    ///   by the kernel's tables the deployment of a Debian tree takes 0.5 to 1 s less;
    /// - a 512 MiB translation cache, so that a long pull is not translated twice;
    /// - one thread a virtual processor.
    private static let tuned = Options(
        emulation: "tcg,thread=multi,tb-size=512",
        emulatedProcessor: "max,erms=off,fsrm=off,sse4.2=off",
        machine: ",vmport=off,smm=off,hpet=off,usb=off,graphics=off"
    )

    /// Places on the PCI bus, the same with other devices as without.
    private static let controlSlot = "0x10"
    private static let randomSlot = "0x11"
    private static let firstPortSlot = 0x12

    /// How many devices can be attached to a machine that is saved or resumed.
    static let hotplugPorts = 3

    /// What `device_add` is to attach to such a machine, each as its members: QEMU neither saves one that has
    /// our virtio socket nor resumes it, and a disk's size is part of what is saved.
    static func hotplugDevices(_ machine: MachineConfiguration) -> [[(String, JSONValue)]] {
        var devices: [[(String, JSONValue)]] = machine.disks.enumerated().map { index, disk in
            [
                ("driver", .string("virtio-blk-pci")), ("drive", .string("disk\(index)")),
                ("serial", .string(disk.serial)),
            ]
        }
        if machine.vsockSocket != nil {
            devices.append([
                ("driver", .string("vhost-user-vsock-pci")), ("chardev", .string("vsock")),
            ])
        }
        return devices.enumerated().map { port, device in
            device + [("bus", .string("hotplug\(port)")), ("romfile", .string(""))]
        }
    }

    /// QEMU's own choices.
    private static let standard = Options(
        emulation: "tcg",
        emulatedProcessor: "max",
        machine: ""
    )

    package static func arguments(
        _ machine: MachineConfiguration,
        accelerator: Accelerator,
        sandbox: Bool
    ) -> [String] {
        var arguments = ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
        arguments += ["-name", "builddisks"]
        let options = machine.isTuned ? tuned : standard
        switch accelerator {
        case .kvm: arguments += ["-accel", "kvm", "-cpu", "host"]
        case .tcg, .uml:
            arguments += ["-accel", options.emulation, "-cpu", options.emulatedProcessor]
        }
        // Without an option ROM the firmware has less to do.
        let noROM = machine.isTuned ? ",romfile=" : ""
        // Guest memory is shared with our vhost-user device, so it is a memfd: QEMU's own, or ours, which it
        // inherits.
        let backend =
            machine.saving == nil
            ? "memory-backend-memfd" : "memory-backend-file,mem-path=/proc/self/fd/3"
        arguments += [
            "-machine", "q35,memory-backend=ram" + options.machine, "-object",
            "\(backend),id=ram,size=\(machine.memory)M,share=on", "-m", "\(machine.memory)M",
            "-smp", "\(machine.processors)",
        ]
        if sandbox {
            arguments += [
                "-sandbox",
                "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
            ]
        }
        arguments += boot(machine.boot)
        for (index, disk) in machine.disks.enumerated() {
            // cache=unsafe: the disk is a work file until we publish it, and published after one flush.
            // werror=report: by itself QEMU halts the machine when there is no room, for ever.
            arguments += [
                "-drive",
                "\(diskOption)\(index),file=\(escaped(disk.path)),format=\(disk.format.rawValue),"
                    + "cache=unsafe,discard=unmap,detect-zeroes=unmap,\(endOfDiskOption)"
                    + (disk.isSnapshot ? ",snapshot=on" : "")
                    + (disk.isReadOnly ? ",readonly=on" : ""),
            ]
            if machine.saving != nil { continue }
            arguments += [
                "-device",
                "virtio-blk-pci,drive=disk\(index),serial=\(disk.serial)"
                    + (machine.boot.isFirmware ? ",bootindex=\(index + 1)" : noROM),
            ]
        }
        if let socket = machine.vsockSocket {
            arguments += ["-chardev", "socket,id=vsock,path=\(escaped(socket))"]
            if machine.saving == nil {
                arguments += ["-device", "vhost-user-vsock-pci,chardev=vsock" + noROM]
            }
        }
        if let socket = machine.controlSocket {
            arguments += [
                "-device", "virtio-serial-pci,addr=\(controlSlot)" + noROM,
                "-chardev", "socket,id=control,path=\(escaped(socket))",
                "-device", "virtserialport,chardev=control,name=org.builddisks.control",
            ]
        }
        arguments += ["-device", "virtio-rng-pci,addr=\(randomSlot)" + noROM]
        if let saving = machine.saving {
            arguments += [
                "-chardev", "socket,id=monitor,path=\(escaped(saving.monitorSocket))",
                "-mon", "chardev=monitor,mode=control",
            ]
            // The root bus takes no device later.
            for port in 0..<hotplugPorts {
                let slot = String(firstPortSlot + port, radix: 16)
                arguments += [
                    "-device",
                    "pcie-root-port,id=hotplug\(port),chassis=\(port + 1),addr=0x\(slot)",
                ]
            }
            if saving.isResumed { arguments += ["-incoming", "defer"] }
        }
        switch machine.console {
        case .file(let path):
            arguments += ["-chardev", "file,id=console,path=\(escaped(path))"]
        case .socket(let path):
            arguments += ["-chardev", "socket,id=console,path=\(escaped(path))"]
        }
        arguments += ["-serial", "chardev:console"]
        return arguments
    }

    private static func boot(_ boot: MachineConfiguration.Boot) -> [String] {
        switch boot {
        case .firmware(.bios):
            []
        case .firmware(.uefi(let code, let variables)):
            [
                "-drive", "if=pflash,unit=0,format=raw,readonly=on,file=\(escaped(code))",
                // What the firmware remembers is forgotten with the machine.
                "-drive", "if=pflash,unit=1,format=raw,snapshot=on,file=\(escaped(variables))",
            ]
        case .kernel(let kernel, let initramfs, let commandLine):
            [
                "-kernel", kernel.string, "-initrd", initramfs.string, "-append", commandLine,
            ]
        }
    }

    /// In an option's value a comma is written twice.
    private static func escaped(_ path: FilePath) -> String {
        path.string.split(separator: ",", omittingEmptySubsequences: false).joined(separator: ",,")
    }
}

extension MachineConfiguration.Boot {
    fileprivate var isFirmware: Bool {
        if case .firmware = self { true } else { false }
    }
}
