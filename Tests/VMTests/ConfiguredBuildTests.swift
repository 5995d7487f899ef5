import Foundation
import SystemIO
import TestSupport
import Testing

/// `builddisks build` without a flag, in a folder with a `builddisks.toml`.
extension VirtualMachineTests {
    @Suite struct ConfiguredBuildTests {
        let environment: VMEnvironment

        init() throws { environment = try VMEnvironment.shared.get() }

        @Test func bothMethodsAddTheSameFiles() throws {
            let folder = try environment.userFolder()
            try folder.write("files/motd", "hello\n")
            try folder.write("files/big", String(repeating: "0123456789", count: 150_000))
            try folder.link("files/link", to: "motd")
            try folder.write(
                "builddisks.toml",
                """
                repository = "\(environment.repository)"
                osname = "tiny"
                output = "images"

                [defaults]
                size = "1G"
                memory = 768
                accel = "\(VMEnvironment.quickAccelerator)"

                [defaults.files]
                "/etc/added" = { source = "files", user = 7, group = 8 }
                "/etc/passwd" = { content = "root:x:0:0::/:/bin/sh\\n", mode = "0640" }
                "/var/lib/added/f" = { content = "v" }

                [disk.composed]
                ref = "\(VMEnvironment.ref)"
                method = "compose"

                [disk.installed]
                ref = "\(VMEnvironment.ref)"
                method = "vm"
                """
            )
            _ = try runCommand(["chmod", "-R", "a+rX", folder.path])
            let build = try runCommand(
                OrdinaryUser.prefix + [
                    environment.builddisks, "build", "--config", folder.file("builddisks.toml"),
                    "--json",
                ],
                environment: userVariables(folder)
            )
            try #require(build.status == 0, "\(build.output)\n\(build.errors)")
            let disks = try ["composed", "installed"].map { name in
                let disk = folder.file("images/current/tiny-\(name).qcow2")
                let listing = try runCommand([VMEnvironment.root + "/scripts/image-listing", disk])
                #expect(listing.status == 0, "\(listing.errors)")
                return listing.output.split(separator: "\n").map(String.init)
            }
            #expect(disks[0] == disks[1])
            let added = disks[0].filter { $0.contains("/etc/added") }
            #expect(added.count == 4, "\(added)")
            #expect(added.contains { $0.hasPrefix("-00644 7 8 1500000 ") })
            #expect(
                disks[0].contains {
                    $0.hasPrefix("-00640 0 0     22 ") && $0.hasSuffix("/etc/passwd")
                }
            )
        }

        /// Runs `builddisks build` on a configuration of composed disks.
        private func build(
            _ folder: ScratchFolder,
            _ disks: [String: String],
            _ arguments: String...
        ) throws -> CommandResult {
            let tables = disks.sorted { $0.key < $1.key }.map { name, text in
                "[disk.\(name)]\n\(text)\n"
            }
            try folder.write(
                "builddisks.toml",
                """
                repository = "\(environment.repository)"
                osname = "tiny"
                output = "images"
                jobs = 2
                [defaults]
                size = "1G"
                method = "compose"
                \(tables.joined())
                """
            )
            _ = try runCommand(["chmod", "a+r", folder.file("builddisks.toml")])
            return try runCommand(
                OrdinaryUser.prefix + [
                    environment.builddisks, "build", "--config", folder.file("builddisks.toml"),
                ] + arguments,
                environment: userVariables(folder)
            )
        }

        private func contents(_ folder: ScratchFolder, _ path: String) throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: folder.file(path)).sorted()
        }

        private static let main = "ref = \"\(VMEnvironment.ref)\""
        private static let next = "ref = \"\(VMEnvironment.nextRef)\""
        private static let records = ["build.json", "timeline.html"]

        @Test func severalDisksAreOneBuild() throws {
            let folder = try environment.userFolder()
            let first = try build(folder, ["a": Self.main, "b": Self.next])
            try #require(first.status == 0, "\(first.output)\n\(first.errors)")
            #expect(
                try contents(folder, "images/current")
                    == Self.records + ["tiny-a.qcow2", "tiny-b.qcow2"]
            )
            #expect(first.output.contains("Building 2 disks, 2 at once"))

            let again = try build(folder, ["a": Self.main, "b": Self.next])
            #expect(again.status == 0 && again.output.contains("Already created"))

            // One disk changes, one is new, one is not asked for: what is unchanged is not made again.
            let second = try build(
                folder,
                ["a": Self.main, "b": Self.next + "\nkargs = [\"quiet\"]", "c": Self.main],
                "b",
                "c",
                "--json"
            )
            try #require(second.status == 0, "\(second.output)\n\(second.errors)")
            #expect(
                try contents(folder, "images/current")
                    == Self.records + ["tiny-a.qcow2", "tiny-b.qcow2", "tiny-c.qcow2"]
            )
            let record = try String(
                contentsOfFile: folder.file("images/current/build.json"),
                encoding: .utf8
            )
            #expect(record.components(separatedBy: "\"carried_from\": null").count == 3)
            let events = second.output.split(separator: "\n")
            #expect(events.first?.contains("\"schema\": 2, \"targets\": [\"b\", \"c\"]") == true)
            #expect(events.last?.hasPrefix("{\"event\": \"published\"") == true)

            // Retention: the new one and the one before; the oldest goes.
            let third = try build(folder, ["a": Self.next], "--keep", "2")
            try #require(third.status == 0, "\(third.errors)")
            #expect(third.output.contains("Removed old builds: "))
            let builds = try contents(folder, "images").filter { !$0.hasPrefix(".") }
            #expect(builds.count == 3, "two builds and current: \(builds)")
            #expect(try contents(folder, "images/current") == Self.records + ["tiny-a.qcow2"])
            #expect(try leftovers(folder.path) == [])
        }

        @Test func oneFailureLeavesTheOthers() throws {
            let folder = try environment.userFolder()
            let first = try build(folder, ["a": Self.main, "b": Self.main])
            try #require(first.status == 0, "\(first.errors)")
            let wrong = Self.main + "\nfiles = { \"/etc/passwd/x\" = { content = \"\" } }"
            let second = try build(
                folder,
                ["a": Self.next, "b": wrong, "c": "ref = \"tiny/none\"", "d": Self.next]
            )
            #expect(second.status == 4)
            #expect(second.errors.contains("2 of 4 disks could not be made: b, c"))
            #expect(
                try contents(folder, "images/current")
                    == Self.records + ["tiny-a.qcow2", "tiny-b.qcow2", "tiny-d.qcow2"],
                "b is that of the build before"
            )
            // Also of the one whose ref is missing.
            #expect(
                try contents(folder, "images/failures")
                    == ["tiny-b.qcow2.txt", "tiny-c.qcow2.txt"]
            )
            let report = try String(
                contentsOfFile: folder.file("images/failures/tiny-b.qcow2.txt"),
                encoding: .utf8
            )
            #expect(report.contains("exit code   4"), "\(report)")
            #expect(report.contains("/etc/passwd/x"))
            #expect(second.errors.contains("images/failures/tiny-b.qcow2.txt"))
            let third = try build(
                folder,
                ["a": Self.next, "b": Self.next, "c": Self.main, "d": Self.next]
            )
            #expect(third.status == 0, "\(third.errors)")
            #expect(try contents(folder, "images").contains("failures") == false)
            #expect(try leftovers(folder.path) == [])
        }

        @Test("a mistake is told before anything begins", arguments: [true, false])
        func aMistakeIsTold(hasFile: Bool) throws {
            let folder = try environment.userFolder()
            let file = folder.file("builddisks.toml")
            if hasFile { try folder.write("builddisks.toml", "\n[disk.a]\nreef = \"x\"\n") }
            let build = try runCommand(
                OrdinaryUser.prefix + [environment.builddisks, "build", "--config", file],
                environment: userVariables(folder)
            )
            #expect(build.status == 2)
            let message =
                hasFile
                ? "\(file):2: [disk.a] has no `ref`" : "cannot read the configuration \(file)"
            #expect(build.errors.contains(message), "\(build.errors)")
            #expect(try leftovers(folder.path) == [])
        }

        @Test func aCommandLineThatMakesNoSenseIsUsage() throws {
            let build = try runCommand([environment.builddisks, "build", "--no-such-option"])
            #expect(build.status == 2)
            #expect(build.errors.contains("--no-such-option"))
        }
    }
}
