package import SystemPackage

/// QEMU's command line: the one place that knows its arguments.
package enum QEMUCommand {
    package static let program: FilePath = "qemu-system-x86_64"

    /// Measured under TCG on 2 cores (see ARCHITECTURE.md, "The machine"):
    /// - ERMS/FSRM off: TCG runs `rep movsb` a byte at a time; without them the guest copies by words;
    /// - a 512 MiB translation cache, so that a long pull is not translated twice;
    /// - one thread a virtual processor.
    package static func arguments(
        _ machine: MachineConfiguration,
        accelerator: Accelerator,
        sandbox: Bool
    ) -> [String] {
        var arguments = ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
        arguments += ["-name", "builddisks"]
        switch accelerator {
        case .kvm:
            arguments += ["-accel", "kvm", "-cpu", "host"]
        case .tcg:
            arguments += [
                "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max,erms=off,fsrm=off",
            ]
        }
        // Guest memory is shared with our vhost-user device, so it is a memfd. OVMF leaves a kernel
        // no other timer than the HPET.
        let timer = machine.boot.isUEFI ? "" : "hpet=off,"
        arguments += [
            "-machine", "q35,memory-backend=ram,vmport=off,smm=off,\(timer)usb=off,graphics=off",
            "-object", "memory-backend-memfd,id=ram,size=\(machine.memory)M,share=on",
            "-m", "\(machine.memory)M", "-smp", "\(machine.processors)",
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
            arguments += [
                "-drive",
                "if=none,id=disk\(index),file=\(escaped(disk.path)),format=\(disk.format.rawValue),"
                    + "cache=unsafe,discard=unmap,detect-zeroes=unmap"
                    + (disk.isSnapshot ? ",snapshot=on" : ""),
                "-device",
                "virtio-blk-pci,drive=disk\(index),serial=\(disk.serial)"
                    + (machine.boot.isFirmware ? ",bootindex=\(index + 1)" : ",romfile="),
            ]
        }
        if let socket = machine.vsockSocket {
            arguments += [
                "-chardev", "socket,id=vsock,path=\(escaped(socket))",
                "-device", "vhost-user-vsock-pci,chardev=vsock,romfile=",
            ]
        }
        if let socket = machine.controlSocket {
            arguments += [
                "-device", "virtio-serial-pci,romfile=",
                "-chardev", "socket,id=control,path=\(escaped(socket))",
                "-device", "virtserialport,chardev=control,name=org.builddisks.control",
            ]
        }
        arguments += ["-device", "virtio-rng-pci,romfile="]
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

    fileprivate var isUEFI: Bool {
        if case .firmware(.uefi) = self { true } else { false }
    }
}
