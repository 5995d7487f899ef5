import SystemPackage
import TestSupport
import Testing

@testable import Orchestrator

/// What a boot says of a disk that it cannot even open.
@Suite struct DiskBootTests {
    private func boot(
        _ disk: String,
        _ accelerator: AcceleratorChoice = .tcg
    ) throws -> BuildError? {
        let boot = DiskBoot(
            tools: Tools(launcher: "/nonexistent", agent: "/nonexistent"),
            cancellation: Cancellation(consequence: nil)
        )
        return #expect(throws: BuildError.self) {
            try boot.run(
                DiskBoot.Request(
                    disk: FilePath(disk),
                    format: .qcow2,
                    purpose: .interactive,
                    firmware: .bios,
                    memory: 512
                ),
                accelerator: accelerator
            ) { Issue.record("\($0)") }
        }
    }

    @Test func whatCannotBeRead() throws {
        let scratch = try ScratchFolder()
        let missing = try boot(scratch.file("missing.qcow2"))
        #expect(missing?.kind == .input)
        #expect(missing?.message.hasSuffix("missing.qcow2: No such file or directory") == true)
        let folder = try boot(scratch.path)
        #expect(folder?.kind == .input)
        #expect(folder?.message.hasSuffix("\(scratch.path): Is a directory") == true)
    }

    @Test func userModeLinuxIsRefused() throws {
        let refused = try boot("/etc/hosts", .uml)
        #expect(refused?.kind == .usage)
        #expect(refused?.message.contains("cannot boot a disk") == true)
    }

    /// QEMU names the option that it complains of.
    @Test func complaintsOfTheDisk() throws {
        let disk = MachineConfiguration.Disk(
            path: "/a temporary lock,b",
            format: .qcow2,
            serial: "disk",
            isSnapshot: true
        )
        let arguments = QEMUCommand.arguments(
            MachineConfiguration(
                boot: .firmware(.bios),
                disks: [disk],
                memory: 512,
                processors: 1,
                console: .file("/console")
            ),
            accelerator: .tcg,
            sandbox: true
        )
        let option = try #require(arguments.firstIndex(of: "-drive"))
        func kind(_ reason: String) -> BuildError.Kind {
            let complaint = "qemu-system-x86_64: -drive \(arguments[option + 1]): \(reason)"
            return DiskBoot.failure(of: "exit status 1", [complaint], disk.path).kind
        }
        #expect(kind("Image is not in qcow2 format") == .input)
        #expect(kind("Could not open temporary file '/tmp/vl.a': Permission denied") == .host)
        #expect(kind("Could not write to image: No space left on device") == .space)
        #expect(kind("Failed to get \"write\" lock") == .host)
        #expect(!QEMUCommand.isAboutDisk("qemu-system-x86_64: cannot set up guest memory"))
    }

    @Test(arguments: [
        ("nothing was published", "terminated: nothing was published"), (nil, "terminated"),
    ])
    func interruption(consequence: String?, message: String) {
        let cancellation = Cancellation(consequence: consequence)
        cancellation.cancel(signal: 15)
        let error = #expect(throws: BuildError.self) { try cancellation.check() }
        #expect(error?.message == message)
    }
}
