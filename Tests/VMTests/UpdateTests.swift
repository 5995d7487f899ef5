import Foundation
import TestSupport
import Testing

/// From one disk to the next: what the user changed stays, the disk before is not touched.
extension VirtualMachineTests {
    @Suite struct UpdateTests {
        let environment: VMEnvironment
        let folder: ScratchFolder
        var images: String { folder.path + "/images" }
        /// The root partition begins behind ESP, /boot and swap.
        private static let rootOffset = (1 + 64 + 200 + 64) << 20

        init() throws {
            environment = try VMEnvironment.shared.get()
            folder = try environment.userFolder()
        }

        private func build(ref: String, _ more: [String]) throws -> CommandResult {
            try runCommand(
                OrdinaryUser.prefix + environment.build(into: images, ref: ref, method: "auto")
                    + ["--accel", VMEnvironment.quickAccelerator, "--karg", "console=ttyS0"]
                    + ["--karg", "tiny.fsck"] + more,
                environment: userVariables(folder)
            )
        }

        private func debugfs(_ raw: String, _ request: String, write: Bool = false) throws -> String
        {
            let verdict = try Referee.run(
                "debugfs",
                (write ? ["-w"] : []) + ["-R", request, "\(raw)?offset=\(Self.rootOffset)"]
            )
            return verdict.output
        }

        @Test func localChangesSurviveAndTheOldDiskIsUntouched() throws {
            let first = try build(ref: VMEnvironment.ref, ["--format", "raw"])
            try #require(first.status == 0, "\(first.errors)")
            // What a user would have done on the running system.
            let used = folder.path + "/used.raw"
            let local = folder.path + "/local"
            try "kept\n".write(toFile: local, atomically: true, encoding: .utf8)
            for command in [
                ["cp", "--sparse=always", images + "/current/tiny-main.raw", used],
                ["chmod", "a+r", used, local],
            ] {
                #expect(try runCommand(command).status == 0)
            }
            let deployments = "/ostree/deploy/tiny/deploy"
            let before = try #require(deployment(in: try debugfs(used, "ls -p \(deployments)")))
            _ = try debugfs(used, "write \(local) /ostree/deploy/tiny/var/kept", write: true)
            for name in ["kept", "replaced"] {
                let path = "\(deployments)/\(before)/etc/\(name)"
                _ = try debugfs(used, "write \(local) \(path)", write: true)
            }
            // Changed here, and another in the next commit: local changes win.
            let changed = "\(deployments)/\(before)/etc/hostname"
            _ = try debugfs(used, "rm \(changed)", write: true)
            _ = try debugfs(used, "write \(local) \(changed)", write: true)
            let sum = try runCommand(["sha256sum", used]).output

            // An update adds files as a new disk does: over what is there.
            try folder.write("added", "added\n")
            let added = folder.file("added")
            let next = try build(
                ref: VMEnvironment.nextRef,
                [
                    "--format", "raw", "--from", used, "--fsck", "--file",
                    "/var/lib/new/added=\(added)", "--file", "/etc/replaced=\(added)",
                ]
            )
            try #require(next.status == 0, "\(next.output)\n\(next.errors)")
            #expect(try runCommand(["sha256sum", used]).output == sum)
            let updated = images + "/current/tiny-next.raw"
            let listing = try debugfs(updated, "ls -p \(deployments)")
            #expect(listing.contains(before), "the deployment before is kept for rollback")
            let after = try #require(deployment(in: listing, besides: before))
            #expect(try debugfs(updated, "cat /ostree/deploy/tiny/var/kept").contains("kept"))
            for name in ["kept", "hostname"] {
                let path = "\(deployments)/\(after)/etc/\(name)"
                #expect(try debugfs(updated, "cat \(path)").contains("kept"))
            }
            for path in [
                "/ostree/deploy/tiny/var/lib/new/added", "\(deployments)/\(after)/etc/replaced",
            ] {
                #expect(try debugfs(updated, "cat \(path)").contains("added"), "\(path)")
                let status = try debugfs(updated, "stat \(path)")
                #expect(status.contains("User:     0   Group:     0"), "\(status)")
            }

            let referees = try runCommand([VMEnvironment.root + "/scripts/referees", updated])
            #expect(referees.status == 0, "\(referees.output)\n\(referees.errors)")
            #expect(try debugfs(updated, "features").contains("has_journal"))
            let boot = try runCommand(
                OrdinaryUser.prefix + [
                    environment.builddisks, "boot", updated, "--accel", "tcg", "--expect",
                    "BUILDDISKS-TINY-UP 2", "--limit", "240",
                ],
                environment: userVariables(folder)
            )
            #expect(boot.status == 0, "\(boot.output.suffix(4000))\n\(boot.errors)")
            #expect(boot.output.contains("BUILDDISKS-TINY-FSCK 0"), "every object is sound")
            for deployment in ["* tiny \(after)", "tiny \(before) (rollback)"] {
                #expect(boot.output.contains("BUILDDISKS-TINY-STATUS \(deployment)"))
            }
        }

        /// Between two commits, to and fro: what an update frees the next one uses, or the host gets
        /// back.
        @Test func manyUpdatesDoNotMakeTheDiskGrow() throws {
            let count = ProcessInfo.processInfo.environment["BUILDDISKS_FULL"] == nil ? 4 : 10
            let first = try build(ref: VMEnvironment.ref, ["--build", "update-0"])
            try #require(first.status == 0, "\(first.errors)")
            var disk = images + "/update-0/tiny-main.qcow2"
            var sizes: [Int] = []
            for number in 1...count {
                let isNext = number % 2 == 1
                let made = try build(
                    ref: isNext ? VMEnvironment.nextRef : VMEnvironment.ref,
                    ["--build", "update-\(number)", "--from", disk]
                )
                try #require(made.status == 0, "\(made.errors)")
                disk = images + "/update-\(number)/tiny-\(isNext ? "next" : "main").qcow2"
                let blocks = try runCommand(["stat", "-c", "%b", disk]).output
                let trimmed = blocks.trimmingCharacters(in: .whitespacesAndNewlines)
                sizes.append(try #require(Int(trimmed)) * 512)
            }
            for size in sizes[2...] {
                #expect(abs(size - sizes[1]) <= sizes[1] / 10, "\(sizes)")
            }
            let referees = try runCommand([VMEnvironment.root + "/scripts/referees", disk])
            #expect(referees.status == 0, "\(referees.output)\n\(referees.errors)")
        }

        /// The disk below an overlay stays, whatever retention says, and both can be moved together.
        @Test func anOverlayKeepsItsBackingDisk() throws {
            for name in ["base", "other"] {
                let made = try build(ref: VMEnvironment.ref, ["--build", name])
                try #require(made.status == 0, "\(made.errors)")
            }
            let base = images + "/base/tiny-main.qcow2"
            let thin = try build(
                ref: VMEnvironment.nextRef,
                ["--build", "thin", "--from", base, "--overlay", "--keep", "1"]
            )
            try #require(thin.status == 0, "\(thin.errors)")
            let builds = try PublishedState(images).builds
            #expect(builds == ["base", "thin"], "the other one goes")
            let moved = folder.path + "/moved"
            try FileManager.default.moveItem(atPath: images, toPath: moved)
            let disk = moved + "/current/tiny-next.qcow2"
            let info = try runCommand(["qemu-img", "info", "--output=json", disk]).output
            #expect(info.contains("\"backing-filename\": \"../base/tiny-main.qcow2\""), "\(info)")
            let size = try FileManager.default.attributesOfItem(atPath: disk)[.size] as? Int
            #expect(try #require(size) < 40 << 20)
            let referees = try runCommand([VMEnvironment.root + "/scripts/referees", disk])
            #expect(referees.status == 0, "\(referees.output)\n\(referees.errors)")
        }

        @Test func aDiskThatDoesNotSuitIsRefusedOrBuiltFromScratch() throws {
            let missing = try build(ref: VMEnvironment.ref, ["--from", "current"])
            #expect(missing.status == 4)
            #expect(missing.errors.contains("--else-fresh"), "\(missing.errors)")
            let fresh = try build(ref: VMEnvironment.ref, ["--from", "current", "--else-fresh"])
            #expect(fresh.status == 0, "\(fresh.errors)")
            #expect(fresh.output.contains("from scratch"), "\(fresh.output)")
            // `current` holds this commit by this plan: nothing to do.
            let again = try build(ref: VMEnvironment.ref, ["--from", "current"])
            #expect(again.status == 0)
            #expect(again.output.contains("Already created"), "\(again.output)")
            let larger = try build(ref: VMEnvironment.ref, ["--from", "current", "--size", "2G"])
            #expect(larger.status == 4)
            #expect(larger.errors.contains("size"), "\(larger.errors)")
            #expect(try leftovers(folder.path) == [])
        }

        /// The deployment's folder in debugfs's `ls -p` (fields between slashes).
        private func deployment(in listing: String, besides other: String? = nil) -> String? {
            listing.split(separator: "\n").flatMap { $0.split(separator: "/").map(String.init) }
                .first { $0.count == 66 && $0.hasSuffix(".0") && $0 != other }
        }
    }
}
