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
                accel = "tcg"

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
                let disk = try #require(try published(name, in: folder.file("images")))
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

        /// A disk of any build.
        private func published(_ name: String, in images: String) throws -> String? {
            try FileManager.default.contentsOfDirectory(atPath: images)
                .map { "\(images)/\($0)/tiny-\(name).qcow2" }
                .first { FileManager.default.fileExists(atPath: $0) }
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
