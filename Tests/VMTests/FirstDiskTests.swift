import Foundation
import TestSupport
import Testing

/// The main job on real input: a ref becomes a disk, as an ordinary user, and the disk boots.
extension VirtualMachineTests {
    @Suite struct FirstDiskTests {
        let environment: VMEnvironment

        init() throws { environment = try VMEnvironment.shared.get() }

        @Test func anOrdinaryUserHasNoCapability() throws {
            let sets = try OrdinaryUser.capabilities()
            #expect(sets.count == 5)
            for line in sets where getuid() == 0 || !line.hasPrefix("CapBnd") {
                #expect(line.hasSuffix("0000000000000000"), "\(line)")
            }
        }

        @Test(
            "a ref becomes a disk that boots",
            arguments: [
                ("vm", "pack", "hybrid"), ("vm", "9p", "bios"), ("compose", "pack", "hybrid"),
            ]
        )
        func aRefBecomesADiskThatBoots(method: String, pull: String, layout: String) throws {
            let folder = try environment.userFolder()
            let images = folder.path + "/images"
            let build = try runCommand(
                OrdinaryUser.prefix + environment.build(into: images, method: method) + [
                    "--pull", pull, "--layout", layout, "--fsck", "--karg", "console=ttyS0",
                    "--karg", "tiny.fsck",
                ] + (method == "vm" ? ["--accel", "tcg"] : []),
                environment: userVariables(folder)
            )
            try #require(build.status == 0, "\(build.output)\n\(build.errors)")
            let disk = images + "/current/tiny-main.qcow2"
            #expect(FileManager.default.fileExists(atPath: images + "/current/build.json"))
            #expect(build.output.contains("Seconds per phase"))

            let referees = try runCommand([VMEnvironment.root + "/scripts/referees", disk])
            #expect(referees.status == 0, "\(referees.output)\n\(referees.errors)")

            let ownership = try runCommand([
                VMEnvironment.root + "/scripts/compare-ownership", disk, environment.repository,
                VMEnvironment.ref,
            ])
            #expect(ownership.status == 0, "\(ownership.output)\n\(ownership.errors)")

            let boot = try runCommand(
                OrdinaryUser.prefix + [
                    environment.builddisks, "boot", disk, "--accel", "tcg", "--expect",
                    // `ostree fsck` on the booted disk, by the commit's own ostree: exit status 0.
                    "BUILDDISKS-TINY-FSCK 0", "--limit", "240",
                ],
                environment: userVariables(folder)
            )
            #expect(boot.status == 0, "\(boot.output.suffix(4000))\n\(boot.errors)")

            // Unchanged commit and plan: nothing to do, and said so.
            let again = try runCommand(
                OrdinaryUser.prefix + environment.build(into: images, method: method) + [
                    "--layout", layout, "--karg", "console=ttyS0", "--karg", "tiny.fsck",
                ],
                environment: userVariables(folder)
            )
            #expect(again.status == 0)
            #expect(again.output.contains("Already created"))
            #expect(try leftovers(folder.path) == [])
        }

        @Test func composeGivesTheSameBytesToEveryUserInEveryFolder() throws {
            var sums: Set<String> = []
            for user in [OrdinaryUser.prefix, []] {
                let folder = try environment.userFolder()
                let images = folder.path + "/images"
                let build = try runCommand(
                    user + environment.build(into: images, method: "compose"),
                    environment: userVariables(folder)
                )
                try #require(build.status == 0, "\(build.errors)")
                let sum = try runCommand(["sha256sum", images + "/current/tiny-main.qcow2"])
                let digest = String(sum.output.prefix(64))
                sums.insert(digest)
                let record = try String(
                    contentsOfFile: images + "/current/build.json",
                    encoding: .utf8
                )
                #expect(record.contains(digest), "build.json names another checksum")
            }
            #expect(sums.count == 1)
        }
    }
}

extension VMEnvironment {
    /// The build command, without what differs from test to test.
    func build(
        into images: String,
        repository: String? = nil,
        ref: String = VMEnvironment.ref,
        size: String = "1G",
        method: String = "vm"
    ) -> [String] {
        [
            builddisks, "build", "--repo", repository ?? self.repository, "--ref", ref, "--osname",
            "tiny", "--output", images, "--size", size, "--method", method, "--memory", "768",
        ]
    }
}

/// Everything that a run writes lies in the test's own folder, so that what it leaves can be told
/// from what others do.
func userVariables(_ folder: ScratchFolder) -> [String: String?] {
    ["HOME": folder.path, "TMPDIR": folder.path, "XDG_RUNTIME_DIR": nil, "XDG_CACHE_HOME": nil]
}

/// What a run may not leave: processes, private folders, work folders.
func leftovers(_ folder: String) throws -> [String] {
    var found = try processes(of: folder)
    found += try FileManager.default.contentsOfDirectory(atPath: folder).filter {
        $0.hasPrefix(".builddisks-run.")
    }
    let images = folder + "/images"
    found += ((try? FileManager.default.contentsOfDirectory(atPath: images)) ?? []).filter {
        $0.hasPrefix(".work-") || $0.hasPrefix(".current.") || $0.hasPrefix(".old-")
    }
    return found
}

/// Running programs that name a test's folder in their arguments.
func processes(of folder: String) throws -> [String] {
    try runCommand(["pgrep", "-fl", "--", folder]).output.split(separator: "\n").map(String.init)
}
