import Foundation
import TestSupport
import Testing

/// `builddisks boot` where there is nothing to boot, or nothing to boot it with.
extension VirtualMachineTests {
    @Suite struct BootTests {
        private let environment: VMEnvironment
        private let folder: ScratchFolder

        init() throws {
            environment = try VMEnvironment.shared.get()
            folder = try environment.userFolder()
        }

        private func boot(_ arguments: [String], path: String? = nil) throws -> CommandResult {
            let program =
                (path.map { ["/usr/bin/env", "PATH=\($0)"] } ?? []) + [environment.builddisks]
            return try runCommand(
                OrdinaryUser.prefix + program + ["boot"] + arguments,
                environment: userVariables(folder)
            )
        }

        /// QEMU's own words, with a text to wait for and without.
        @Test(arguments: [[], ["--expect", "login:"]])
        func whatIsNoDisk(more: [String]) throws {
            try folder.write("junk.qcow2", String(repeating: "no disk\n", count: 100_000))
            let result = try boot([folder.file("junk.qcow2"), "--accel", "tcg"] + more)
            #expect(result.status == 4, "\(result.errors)")
            #expect(result.errors.contains("not in qcow2 format"), "\(result.errors)")
        }

        /// The one error, and nothing that blames KVM.
        @Test func withoutQEMU() throws {
            let result = try boot(["/etc/hosts"], path: folder.path)
            #expect(result.status == 3, "\(result.errors)")
            #expect(
                result.errors.hasPrefix(
                    "builddisks: emulation (TCG) cannot be used: QEMU is missing"
                ),
                "\(result.errors)"
            )
        }
    }
}
