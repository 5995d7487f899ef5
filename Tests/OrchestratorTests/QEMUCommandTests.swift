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

    /// What was saved with some devices is resumed with others: those that both have stay in their places.
    @Test func aResumedMachineGetsItsSocketLater() throws {
        var machine = MachineConfiguration(
            boot: .kernel("/k", initramfs: "/i", commandLine: "quiet"),
            disks: [],
            memory: 512,
            processors: 2,
            controlSocket: "/s/control",
            console: .file("/s/console")
        )
        machine.monitorSocket = "/s/monitor"
        machine.memoryFile = try makeMemoryFile("guest")
        let saved = QEMUCommand.arguments(machine, accelerator: .tcg, sandbox: true)
        machine.disks = [.init(path: "/d", format: .raw, serial: "target")]
        machine.vsockSocket = "/s/vsock"
        machine.isResumed = true
        let resumed = QEMUCommand.arguments(machine, accelerator: .tcg, sandbox: true)
        func placed(_ list: [String]) -> [String] { list.filter { $0.contains("addr=") } }
        #expect(placed(saved).count == 3 && placed(saved) == placed(resumed))
        #expect(!resumed.contains { $0.hasPrefix("vhost-user-vsock-pci") })
        #expect(resumed.contains("socket,id=vsock,path=/s/vsock"))
        #expect(resumed.contains("defer") && !saved.contains("defer"))
        #expect(saved.contains { $0.contains("mem-path=/proc/self/fd/3") })
    }

    @Test func aUEFIMachineHasItsFirmwareInFlash() {
        let list = arguments(.tcg, boot: .firmware(.uefi(code: "/f/code", variables: "/f,/vars")))
        let flash = list.filter { $0.hasPrefix("if=pflash") }
        #expect(flash.count == 2)
        #expect(flash[0].contains("readonly=on") && flash[0].hasSuffix("file=/f/code"))
        #expect(flash[1].contains("snapshot=on") && flash[1].hasSuffix("file=/f,,/vars"))
    }
}
