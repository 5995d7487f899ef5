import Foundation
import TestSupport
import Testing

/// What programs and people are told of runs that fail, or cannot be told.
extension VirtualMachineTests {
    @Suite struct ReportingTests {
        let environment: VMEnvironment
        let folder: ScratchFolder
        var images: String { folder.path + "/images" }

        init() throws {
            environment = try VMEnvironment.shared.get()
            folder = try environment.userFolder()
        }

        private func run(
            _ arguments: [String],
            _ variables: [String: String?] = [:]
        ) throws -> CommandResult {
            try runCommand(
                OrdinaryUser.prefix + arguments,
                environment: userVariables(folder).merging(variables) { $1 }
            )
        }

        /// A PATH with nothing but some programs.
        private func path(with programs: [String]) throws -> String {
            let bin = folder.path + "/bin"
            try FileManager.default.createDirectory(
                atPath: bin,
                withIntermediateDirectories: true
            )
            for name in programs + ["setpriv", "env"] {
                try FileManager.default.createSymbolicLink(
                    atPath: bin + "/" + name,
                    withDestinationPath: "/usr/bin/" + name
                )
            }
            return bin
        }

        @Test func aDiskThatCannotBeBegunHasEventsAndAReport() throws {
            try folder.write(
                "builddisks.toml",
                """
                repository = "\(environment.repository)"
                osname = "tiny"
                output = "images"
                [defaults]
                size = "1G"
                [disk.good]
                ref = "\(VMEnvironment.ref)"
                [disk.gone]
                ref = "tiny/x86_64/gone"
                [disk.junk]
                ref = "\(VMEnvironment.ref)"
                from = "builddisks.toml"
                """
            )
            _ = try runCommand(["chmod", "a+r", folder.file("builddisks.toml")])
            let result = try run([
                environment.builddisks, "build", "--config", folder.file("builddisks.toml"),
                "--json",
            ])
            #expect(result.status == 4, "\(result.errors)")
            let lines = result.output.split(separator: "\n")
            for name in ["gone", "junk"] {
                let report = images + "/failures/tiny-\(name).qcow2.txt"
                let own = lines.filter { $0.contains("\"target\": \"\(name)\"") }
                #expect(own.count == 2, "\(own)")
                #expect(own.first?.hasPrefix("{\"event\": \"started\"") == true, "\(own)")
                #expect(own.last?.hasPrefix("{\"event\": \"failed\"") == true, "\(own)")
                #expect(own.last?.contains("\"report\": \"\(report)\"") == true, "\(own)")
                let text = try String(contentsOfFile: report, encoding: .utf8)
                #expect(text.contains("What failed"), "\(text)")
            }
            #expect(lines.contains { $0.contains("gone\"") && $0.contains("\"commit\": null") })
            #expect(lines.last?.hasPrefix("{\"event\": \"run-failed\"") == true)
        }

        @Test func aCommandLineThatMakesNoSenseIsAnEventToo() throws {
            for arguments in [["--nonsense"], ["--jobs", "0"], ["--size", "much"]] {
                let result = try run([environment.builddisks, "build", "--json"] + arguments)
                #expect(result.status == 2)
                #expect(
                    result.output.hasPrefix("{\"event\": \"run-failed\", \"schema\": 2, "),
                    "\(result.output)"
                )
                #expect(result.output.contains("\"exit_code\": 2"))
                #expect(result.output.split(separator: "\n").count == 1)
                #expect(result.errors.contains(arguments[0]), "\(result.errors)")
            }
        }

        @Test(arguments: [["--json"], []])
        func aLostReportIsAFailure(more: [String]) throws {
            let command = environment.build(into: images, method: "compose") + more
            let result = try run(["sh", "-c", "exec \"$@\" >/dev/full", "sh"] + command)
            #expect(result.status == 3, "\(result.errors)")
            #expect(result.errors.contains("standard output: No space left"), "\(result.errors)")
        }

        @Test func aMissingImageToolIsFoundBeforeTheWork() throws {
            let result = try run(
                environment.build(into: images, method: "compose") + ["--json"],
                ["PATH": try path(with: [])]
            )
            #expect(result.status == 3)
            #expect(result.errors.contains("no qemu-img in PATH"), "\(result.errors)")
            #expect(!result.output.contains("phase-started"), "\(result.output)")
        }

        /// What composes a disk is all that a build needs.
        @Test func aHostWithoutAMachineIsNotSick() throws {
            let doctor = [environment.builddisks, "doctor"]
            let some = try run(doctor, ["PATH": try path(with: ["qemu-img"])])
            #expect(some.status == 0, "\(some.output)")
            #expect(some.output.contains("! qemu: no qemu-system-x86_64 in PATH"))
            #expect(some.output.contains("✓ qemu-img: "))
            try FileManager.default.removeItem(atPath: folder.path + "/bin/qemu-img")
            let none = try run(doctor, ["PATH": folder.path + "/bin", "HOME": "/proc"])
            #expect(none.status == 3, "\(none.output)")
            #expect(none.output.contains("✗ qemu-img: not in PATH"))
            #expect(none.output.contains("! cache: cannot use the cache folder /proc/.cache"))
        }
    }
}
