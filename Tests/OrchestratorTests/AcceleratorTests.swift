import SystemPackage
import TestSupport
import Testing

@testable import Orchestrator

/// Which accelerator is taken, what is remembered of it, and what is said.
@Suite struct AcceleratorTests {
    /// A host that is as the test says.
    private final class StubHost: AcceleratorSelection.Knowledge {
        var obstacles: [Accelerator: AcceleratorSelection.Obstacle] = [:]
        var verdicts: [Accelerator: AcceleratorVerdicts.Verdict] = [:]

        func obstacle(_ accelerator: Accelerator) -> AcceleratorSelection.Obstacle? {
            obstacles[accelerator]
        }
        func verdict(_ accelerator: Accelerator) -> AcceleratorVerdicts.Verdict? {
            verdicts[accelerator]
        }
        func remember(_ verdict: AcceleratorVerdicts.Verdict, of accelerator: Accelerator) {
            verdicts[accelerator] = verdict
        }
    }

    private let host = StubHost()

    /// Starts what the choice comes to; `broken` ones fail.
    private func start(
        _ choice: AcceleratorChoice,
        broken: [Accelerator: BuildError] = [:]
    ) throws -> (Accelerator, tried: [Accelerator], notes: [String]) {
        var selection = try AcceleratorSelection(choice, host)
        var tried: [Accelerator] = []
        var notes: [String] = []
        while true {
            let started = try selection.start(note: { notes.append($0) }) {
                (accelerator) throws(BuildError) in
                tried.append(accelerator)
                if let error = broken[accelerator] { throw error }
                return accelerator
            }
            if let started { return (started, tried, notes) }
        }
    }

    private static let broken = BuildError(.guest, "it hangs")

    @Test func theFastestThatWorks() throws {
        #expect(try start(.auto).0 == .kvm)
        host.obstacles[.kvm] = .init(reason: "no device")
        let second = try start(.auto)
        #expect(second.0 == .uml)
        #expect(second.notes == ["No KVM (no device): User-mode Linux runs the guest."])
        host.obstacles[.uml] = .init(kind: .usage, reason: "not so")
        let third = try start(.auto)
        #expect(third.tried == [.tcg])
        #expect(
            third.notes == [
                "No KVM (no device), no User-mode Linux (not so): the guest is emulated (TCG)."
            ]
        )
    }

    @Test func whatFailedIsNotTriedAgain() throws {
        let first = try start(.auto, broken: [.kvm: Self.broken, .uml: Self.broken])
        #expect(first.tried == [.kvm, .uml, .tcg])
        #expect(first.notes.count == 1 && first.notes[0].contains("no User-mode Linux (it hangs)"))
        #expect(host.verdicts[.kvm] == .fails("it hangs"))
        #expect(try start(.auto).tried == [.tcg])
        // Who asks for it gets it, and a start that works clears its name.
        #expect(try start(.uml).notes == [])
        #expect(try start(.auto).tried == [.uml])
    }

    /// Where nothing works, the commit may be to blame.
    @Test func noVerdictWithoutOneThatWorks() {
        #expect(throws: BuildError.self) {
            try start(
                .auto,
                broken: [.kvm: Self.broken, .uml: Self.broken, .tcg: Self.broken]
            )
        }
        #expect(host.verdicts.isEmpty)
    }

    @Test func anInterruptionIsNobodysFault() {
        let error = #expect(throws: BuildError.self) {
            try start(.auto, broken: [.kvm: BuildError(.interrupted(2), "interrupted")])
        }
        #expect(error?.isInterruption == true)
        #expect(host.verdicts.isEmpty)
    }

    @Test func whatWasAskedForIsTakenOrRefused() {
        host.obstacles[.uml] = .init(kind: .usage, reason: "not so")
        let refused = #expect(throws: BuildError.self) { try start(.uml) }
        #expect(refused?.kind == .usage)
        #expect(refused?.message == "User-mode Linux cannot be used: not so")
        let failed = #expect(throws: BuildError.self) {
            try start(.kvm, broken: [.kvm: Self.broken])
        }
        #expect(failed?.kind == .host)
        #expect(failed?.message == "KVM does not work here: it hangs")
        // The commit's fault stays the commit's.
        let input = #expect(throws: BuildError.self) {
            try start(.kvm, broken: [.kvm: BuildError(.input, "no kernel")])
        }
        #expect(input?.message == "no kernel")
    }

    /// Where nothing can be started, that is the one error, and nothing was tried.
    @Test func nothingCanBeStarted() {
        let missing = AcceleratorSelection.Obstacle(reason: "no QEMU", hint: "install it")
        host.obstacles = [.kvm: missing, .uml: .init(reason: "no program"), .tcg: missing]
        let error = #expect(throws: BuildError.self) { try start(.auto) }
        #expect(error?.kind == .host)
        #expect(error?.message == "emulation (TCG) cannot be used: no QEMU")
        #expect(error?.hint == "install it")
        #expect(error?.details == ["No KVM: no QEMU", "No User-mode Linux: no program"])
    }

    /// One that cannot be started does not take the place of one that failed: its own failure counts.
    @Test func noOtherToFallBackOn() {
        host.obstacles = [.kvm: .init(reason: "no QEMU"), .tcg: .init(reason: "no QEMU")]
        let error = #expect(throws: BuildError.self) {
            try start(.auto, broken: [.uml: Self.broken])
        }
        #expect(error?.message == "it hangs")
    }

    /// A disk that is none is none under emulation, too.
    @Test func whatIsNotTheAcceleratorsFaultEndsIt() {
        let error = #expect(throws: BuildError.self) {
            try start(.auto, broken: [.kvm: BuildError(.input, "no disk")])
        }
        #expect(error?.message == "no disk")
        #expect(host.verdicts.isEmpty)
    }

    /// A kernel that one kind of machine cannot boot leaves the others.
    @Test func preparingPassesOver() throws {
        var selection = try AcceleratorSelection(.auto, host)
        let best = try selection.best { (accelerator) throws(BuildError) in
            if accelerator != .tcg { throw BuildError(.input, "no module") }
            return accelerator
        }
        #expect(best == .tcg)
        #expect(selection.candidates == [.tcg])
        #expect(host.verdicts.isEmpty)
    }

    @Test func noRoomIsNobodysFault() throws {
        var selection = try AcceleratorSelection(.auto, host)
        let error = #expect(throws: BuildError.self) {
            _ = try selection.best { (accelerator) throws(BuildError) -> Accelerator in
                throw BuildError(.space, "full")
            }
        }
        #expect(error?.kind == .space)
        #expect(selection.passedOver.isEmpty)
    }

    @Test func whatUserModeLinuxCannotDo() {
        for options in [BootstrapOptions(kernel: "/boot/vmlinuz"), BootstrapOptions(root: .image)] {
            let obstacle = HostAccelerators(options: options, memory: 512).obstacle(.uml)
            #expect(obstacle?.kind == .usage, "\(options)")
        }
        // More than any host has.
        let large = HostAccelerators(options: BootstrapOptions(), memory: 1 << 40).obstacle(.uml)
        #expect(large?.kind == .host)
    }

    @Test func verdictsAreOfTheProgramThatWasTried() throws {
        let scratch = try ScratchFolder()
        let program = scratch.file("machine")
        func install(_ text: String) throws {
            try scratch.write("machine", text)
            #expect(try runCommand(["chmod", "755", program]).status == 0)
        }
        func verdicts() -> AcceleratorVerdicts {
            AcceleratorVerdicts(.uml, programs: [program], cache: FilePath(scratch.path))
        }
        try install("#!/bin/sh\n")
        #expect(verdicts().known == nil)
        verdicts().remember(.fails("it hangs\nfor ever"))
        #expect(verdicts().known == .fails("it hangs for ever"))
        verdicts().remember(.works)
        #expect(verdicts().known == .works)
        try install("#!/bin/sh\n# another\n")
        #expect(verdicts().known == nil)
        let other = AcceleratorVerdicts(.kvm, programs: [program], cache: FilePath(scratch.path))
        #expect(other.known == nil)
    }
}
