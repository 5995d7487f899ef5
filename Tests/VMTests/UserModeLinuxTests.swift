import Foundation
import TestSupport
import Testing

/// User-mode Linux instead of QEMU: the same disk, and nothing left of it however it ends.
extension VirtualMachineTests {
    @Suite(.enabled(if: VMEnvironment.hasUserModeLinux, VMEnvironment.noUserModeLinux))
    struct UserModeLinuxTests {
        let environment: VMEnvironment
        let folder: ScratchFolder
        var images: String { folder.path + "/images" }

        init() throws {
            environment = try VMEnvironment.shared.get()
            folder = try environment.userFolder()
        }

        private func build(
            into images: String? = nil,
            accelerator: String = "uml",
            _ more: [String] = [],
            environment variables: [String: String?] = [:]
        ) throws -> RunningCommand {
            try RunningCommand(
                OrdinaryUser.prefix + environment.build(into: images ?? self.images)
                    + ["--accel", accelerator] + more,
                environment: userVariables(folder).merging(variables) { $1 }
            )
        }

        @Test func theDiskIsTheSameAsQEMUs() throws {
            var disks: [String] = []
            for accelerator in ["uml", "tcg"] {
                let images = "\(folder.path)/\(accelerator)"
                let result = try build(into: images, accelerator: accelerator).wait()
                try #require(result.status == 0, "\(result.errors)")
                let disk = images + "/current/tiny-main.qcow2"
                let referees = try runCommand([VMEnvironment.root + "/scripts/referees", disk])
                #expect(referees.status == 0, "\(referees.output)\n\(referees.errors)")
                disks.append(disk)
            }
            let script = VMEnvironment.root + "/scripts/compare-disks"
            let compared = try runCommand([script] + disks)
            // 1: the disks come from different clocks. Were no times different, nothing was compared.
            #expect(compared.status == 1, "\(compared.output)\n\(compared.errors)")
            let others = compared.output.split(separator: "\n").filter {
                $0.split(separator: "\t").dropFirst().first != "mtime"
            }
            #expect(others.isEmpty, "\(others.prefix(20))")
            #expect(try leftovers(folder.path) == [])
        }

        /// And the best that works is taken by itself, and said.
        @Test func anUpdateOnAnOverlay() throws {
            let first = try build(accelerator: "auto").wait()
            try #require(first.status == 0, "\(first.errors)")
            #expect(
                first.output.contains("KVM runs the guest.")
                    || first.output.contains("): User-mode Linux runs the guest."),
                "\(first.output)"
            )
            let next = try RunningCommand(
                OrdinaryUser.prefix
                    + environment.build(into: images, ref: VMEnvironment.nextRef, method: "auto")
                    + [
                        "--accel", "uml", "--from", images + "/current/tiny-main.qcow2",
                        "--overlay", "--fsck",
                    ],
                environment: userVariables(folder)
            ).wait()
            #expect(next.status == 0, "\(next.output)\n\(next.errors)")
            let disk = images + "/current/tiny-next.qcow2"
            let referees = try runCommand([VMEnvironment.root + "/scripts/referees", disk])
            #expect(referees.status == 0, "\(referees.output)\n\(referees.errors)")
            #expect(try leftovers(folder.path) == [])
        }

        /// What an unprivileged container has, and lacks (scripts/like-docker).
        @Test func insideAContainer() throws {
            let result = try RunningCommand(
                OrdinaryUser.prefix + [VMEnvironment.root + "/scripts/like-docker"]
                    + environment.build(into: images) + ["--accel", "uml"],
                environment: userVariables(folder)
            ).wait()
            #expect(result.status == 0, "\(result.output)\n\(result.errors)")
            #expect(FileManager.default.fileExists(atPath: images + "/current/build.json"))
            let doctor = try runCommand(
                OrdinaryUser.prefix + [VMEnvironment.root + "/scripts/like-docker"]
                    + [environment.builddisks, "doctor"],
                environment: userVariables(folder)
            )
            #expect(doctor.output.contains("linux.uml, Linux"), "\(doctor.output)")
            #expect(try leftovers(folder.path) == [])
        }

        @Test func aChosenButMissingOneIsRefusedWithTheReason() throws {
            let programs = try programsWithoutUserModeLinux()
            let result = try build(environment: ["PATH": programs.path]).wait()
            #expect(result.status == 3)
            #expect(result.errors.contains("no linux.uml in PATH"), "\(result.errors)")
            #expect(try leftovers(folder.path) == [])
            let doctor = try runCommand(
                OrdinaryUser.prefix + [environment.builddisks, "doctor"],
                environment: userVariables(folder).merging(["PATH": programs.path]) { $1 }
            )
            #expect(doctor.output.contains("apt install user-mode-linux"), "\(doctor.output)")
        }

        /// The package is there and does not work: seen once, and remembered.
        @Test func whereItFailsTheGuestIsEmulated() throws {
            let programs = try programsWithoutUserModeLinux()
            try "#!/bin/sh\n[ \"$1\" = --version ] && exec /usr/bin/linux.uml --version\nexit 1\n"
                .write(toFile: programs.path + "/linux.uml", atomically: true, encoding: .utf8)
            #expect(try runCommand(["chmod", "755", programs.path + "/linux.uml"]).status == 0)
            let result = try build(accelerator: "auto", environment: ["PATH": programs.path]).wait()
            try #require(result.status == 0, "\(result.errors)")
            let record = try String(
                contentsOfFile: images + "/current/build.json",
                encoding: .utf8
            )
            if record.contains("\"accelerator\": \"kvm\"") { return }
            #expect(record.contains("\"accelerator\": \"tcg\""), "\(record)")
            #expect(
                result.output.contains("no User-mode Linux (User-mode Linux ended at its start")
            )
            let verdict = try String(
                contentsOfFile: folder.path + "/.cache/builddisks/uml-verdict",
                encoding: .utf8
            )
            #expect(verdict.contains("\nfails: "), "\(verdict)")
            #expect(try leftovers(folder.path) == [])
        }

        @Test func whatItCannotDoIsRefused() throws {
            let refused = try build(["--bootstrap-root", "image"]).wait()
            #expect(refused.status == 2, "\(refused.errors)")
            #expect(refused.errors.contains("User-mode Linux cannot"), "\(refused.errors)")
            #expect(refused.errors.contains("--bootstrap-root"), "\(refused.errors)")
            let boot = try runCommand(
                OrdinaryUser.prefix + [
                    environment.builddisks, "boot", "--accel", "uml", "/etc/hosts",
                ],
                environment: userVariables(folder)
            )
            #expect(boot.status == 2, "\(boot.errors)")
            #expect(boot.errors.contains("it cannot boot a disk"), "\(boot.errors)")
        }

        /// A PATH with what the tests call, without linux.uml.
        private func programsWithoutUserModeLinux() throws -> ScratchFolder {
            let programs = try environment.userFolder()
            for name in ["setpriv", "env", "qemu-img", "qemu-system-x86_64", "qemu-storage-daemon"]
            {
                try FileManager.default.createSymbolicLink(
                    atPath: programs.path + "/" + name,
                    withDestinationPath: "/usr/bin/" + name
                )
            }
            return programs
        }

        private enum Victim: String, CaseIterable {
            /// The process that is the guest's kernel.
            case kernel = "^/usr/bin/linux.uml "
            case supervisor = "supervise-child"
            case disk = "qemu-storage-daemon "
        }

        @Test(arguments: Victim.allCases)
        private func killedInMidPull(victim: Victim) throws {
            let running = try build(["--pull", "9p"])
            try waitForPhase("Pulling", running)
            // The oldest: helpers and guest processes of User-mode Linux have its command line.
            let killed = try runCommand([
                "pkill", "-KILL", "-o", "-f", "--", "\(victim.rawValue).*\(folder.path)",
            ])
            #expect(killed.status == 0)
            let result = running.wait()
            #expect(result.status == 5, "\(result.errors)")
            #expect(result.errors.contains("before the work was done"), "\(result.errors)")
            try expectNothing()
        }

        /// Random moments are in `KillTests`.
        @Test(arguments: ["Booting", "Deploying"])
        func builddisksKilled(phase: String) throws {
            let running = try build()
            try waitForPhase(phase, running)
            running.signal(SIGKILL)
            _ = running.wait()
            for _ in 0..<50 where try !processes(of: folder.path).isEmpty { usleep(100_000) }
            #expect(try processes(of: folder.path) == [])
            try expectNothingPublished()
            // Files go with the next run.
            let next = try RunningCommand(
                OrdinaryUser.prefix + environment.build(into: images, method: "compose"),
                environment: userVariables(folder)
            ).wait()
            #expect(next.status == 0, "\(next.errors)")
            #expect(try leftovers(folder.path) == [])
        }

        private func expectNothing() throws {
            #expect(try leftovers(folder.path) == [])
            try expectNothingPublished()
        }

        private func expectNothingPublished() throws {
            let published = (try? FileManager.default.contentsOfDirectory(atPath: images)) ?? []
            #expect(published.filter { !$0.hasPrefix(".") && $0 != "failures" } == [])
        }

        private func waitForPhase(_ title: String, _ running: RunningCommand) throws {
            for _ in 0..<6000 {
                if running.outputSoFar().contains(title) {
                    usleep(100_000)
                    return
                }
                usleep(10_000)
            }
            Issue.record("no phase \(title): \(running.outputSoFar())")
        }
    }
}
