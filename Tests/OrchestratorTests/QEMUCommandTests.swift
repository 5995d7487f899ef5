import SystemIO
import SystemPackage
import Testing

@testable import Orchestrator

@Suite struct QEMUCommandTests {
    private func arguments(_ accelerator: Accelerator, boot: MachineConfiguration.Boot) -> [String]
    {
        QEMUCommand.arguments(
            MachineConfiguration(
                boot: boot,
                disks: [.init(path: "/x,y/disk", format: .qcow2, serial: "target")],
                memory: 512,
                processors: 2,
                vsockSocket: "/s/vsock",
                controlSocket: "/s/control",
                console: .file("/s/console")
            ),
            accelerator: accelerator,
            sandbox: true
        )
    }

    @Test func emulationAvoidsWhatIsSlowInIt() {
        let list = arguments(.tcg, boot: .firmware(.bios))
        #expect(list.contains("max,erms=off,fsrm=off,sse4.2=off"))
        #expect(!list.contains("kvm"))
    }

    @Test func aCommaInAPathIsDoubled() {
        let drive = arguments(.kvm, boot: .firmware(.bios)).first { $0.contains("id=disk0") }
        #expect(drive?.contains("file=/x,,y/disk,") == true)
    }

    @Test func disksAreFoundBySerial() {
        let device = arguments(.tcg, boot: .firmware(.bios)).first {
            $0.hasPrefix("virtio-blk-pci")
        }
        #expect(device?.contains("serial=target") == true)
    }

    @Test func aKernelIsLoadedWithoutOptionROMs() {
        let list = arguments(
            .tcg,
            boot: .kernel("/k", initramfs: "/i", commandLine: "console=ttyS0")
        )
        #expect(list.contains("-kernel"))
        #expect(list.filter { $0.contains("-pci") }.allSatisfy { $0.hasSuffix("romfile=") })
    }

    /// What was saved without disks is resumed with some: all else stays in its place.
    @Test func aSavedMachineGetsItsDisksLater() throws {
        var machine = MachineConfiguration(
            boot: .kernel("/k", initramfs: "/i", commandLine: "quiet"),
            disks: [],
            memory: 512,
            processors: 2,
            controlSocket: "/s/control",
            console: .file("/s/console")
        )
        machine.saving = .init(
            memory: try makeMemoryFile("guest"),
            monitorSocket: "/s/monitor",
            isResumed: false
        )
        let saved = QEMUCommand.arguments(machine, accelerator: .tcg, sandbox: true)
        #expect(QEMUCommand.hotplugDevices(machine).isEmpty)
        machine.disks = [
            .init(path: "/d", format: .raw, serial: "target"),
            .init(path: "/r", format: .raw, serial: "root", isReadOnly: true),
        ]
        machine.vsockSocket = "/s/vsock"
        machine.saving?.isResumed = true
        let resumed = QEMUCommand.arguments(machine, accelerator: .tcg, sandbox: true)
        func devices(_ list: [String]) -> [String] { list.filter { $0.contains("addr=") } }
        #expect(devices(saved) == devices(resumed))
        #expect(devices(saved).count == 2 + QEMUCommand.hotplugPorts)
        for word in ["vhost-user-vsock-pci", "virtio-blk-pci"] {
            #expect(!resumed.contains { $0.hasPrefix(word) })
        }
        #expect(resumed.contains("socket,id=vsock,path=/s/vsock"))
        #expect(resumed.contains { $0.hasPrefix("if=none,id=disk1,file=/r,") })
        #expect(resumed.contains("defer") && !saved.contains("defer"))
        #expect(saved.contains { $0.contains("mem-path=/proc/self/fd/3") })
        let late = QEMUCommand.hotplugDevices(machine).map { JSONValue.object($0).text }
        #expect(late.count == QEMUCommand.hotplugPorts)
        #expect(late[0].contains(#""serial": "target""#) && late[0].contains("hotplug0"))
        #expect(late[2].contains("vhost-user-vsock-pci") && late[2].contains("hotplug2"))
    }

    @Test func aUEFIMachineHasItsFirmwareInFlash() {
        let list = arguments(.tcg, boot: .firmware(.uefi(code: "/f/code", variables: "/f,/vars")))
        let flash = list.filter { $0.hasPrefix("if=pflash") }
        #expect(flash.count == 2)
        #expect(flash[0].contains("readonly=on") && flash[0].hasSuffix("file=/f/code"))
        #expect(flash[1].contains("snapshot=on") && flash[1].hasSuffix("file=/f,,/vars"))
    }
}
