import Foundation
import TestSupport
import Testing

/// What goes wrong is told, has its exit code, publishes nothing and leaves nothing behind.
extension VirtualMachineTests {
    @Suite struct FailureTests {
        let environment: VMEnvironment
        let folder: ScratchFolder
        var images: String { folder.path + "/images" }

        init() throws {
            environment = try VMEnvironment.shared.get()
            folder = try environment.userFolder()
        }

        private func build(
            _ arguments: [String],
            accelerator: String = VMEnvironment.quickAccelerator,
            environment variables: [String: String?] = [:]
        ) throws -> RunningCommand {
            try RunningCommand(
                OrdinaryUser.prefix + arguments + ["--accel", accelerator],
                environment: userVariables(folder).merging(variables) { $1 }
            )
        }

        private func expectNothingPublished() throws {
            let published = (try? FileManager.default.contentsOfDirectory(atPath: images)) ?? []
            #expect(published.filter { $0 != ".lock" && $0 != "failures" }.isEmpty)
            #expect(try leftovers(folder.path) == [])
        }

        @Test func aWrongRef() throws {
            let result = try build(environment.build(into: images, ref: "tiny/x86_64/mian")).wait()
            #expect(result.status == 4)
            #expect(
                result.errors.contains("tiny/x86_64/main"),
                "a near name is offered: \(result.errors)"
            )
            try expectNothingPublished()
        }

        @Test func noRepository() throws {
            let result = try build(environment.build(into: images, repository: "/nowhere")).wait()
            #expect(result.status == 4)
            #expect(result.errors.contains("/nowhere"))
            try expectNothingPublished()
        }

        @Test func aMissingQEMU() throws {
            let programs = try environment.userFolder()
            for name in ["setpriv", "env"] {
                try FileManager.default.createSymbolicLink(
                    atPath: programs.path + "/" + name,
                    withDestinationPath: "/usr/bin/" + name
                )
            }
            let result = try build(
                environment.build(into: images),
                accelerator: "tcg",
                environment: ["PATH": programs.path]
            ).wait()
            #expect(result.status == 3)
            #expect(result.errors.contains("apt install"), "\(result.errors)")
            try expectNothingPublished()
        }

        @Test func anOutputThatCannotBeWritten() throws {
            let result = try build(environment.build(into: "/proc/images")).wait()
            #expect(result.status == 3)
            #expect(result.errors.contains("/proc/images"))
        }

        @Test func aTreeWithoutAKernel() throws {
            let repository = folder.path + "/repo"
            let tree = folder.path + "/tree"
            try FileManager.default.createDirectory(
                atPath: tree + "/usr/bin",
                withIntermediateDirectories: true
            )
            for command in [
                ["ostree", "init", "--repo=" + repository, "--mode=archive"],
                ["ostree", "commit", "--repo=" + repository, "-b", "empty", tree],
                ["chmod", "-R", "a+rX", folder.path],
            ] {
                #expect(try runCommand(command).status == 0)
            }
            let result = try build(
                environment.build(into: images, repository: repository, ref: "empty")
            ).wait()
            #expect(result.status == 4)
            #expect(result.errors.contains("kernel"), "\(result.errors)")
            try expectNothingPublished()
        }

        @Test(arguments: ["pack", "9p"])
        func oneCorruptObject(pull: String) throws {
            let repository = folder.path + "/repo"
            #expect(try runCommand(["cp", "-a", environment.repository, repository]).status == 0)
            // Busybox is read by nobody before the pull.
            let listing = try runCommand([
                "ostree", "ls", "--repo=" + repository, "-C", VMEnvironment.ref, "/usr/share/tiny",
                "-R",
            ])
            let line = listing.output.split(separator: "\n").first {
                $0.hasPrefix("-") && !$0.contains(" 0 ")
            }
            let checksum = try #require(
                line?.split(separator: " ").first { $0.count == 64 }.map(String.init),
                "\(listing)"
            )
            let object =
                "\(repository)/objects/\(checksum.prefix(2))/\(checksum.dropFirst(2)).filez"
            var bytes = try Data(contentsOf: URL(fileURLWithPath: object))
            bytes[bytes.count - 3] ^= 0x55
            try FileManager.default.removeItem(atPath: object)
            try bytes.write(to: URL(fileURLWithPath: object))
            let result = try build(
                environment.build(into: images, repository: repository) + ["--pull", pull]
            ).wait()
            #expect(result.status == 4, "\(result.errors)")
            #expect(result.errors.contains(String(checksum.prefix(16))), "\(result.errors)")
            try expectNothingPublished()
        }

        @Test(arguments: ["pack", "9p"])
        func aDiskTooSmallForTheCommit(pull: String) throws {
            let repository = folder.path + "/repo"
            let extra = folder.path + "/extra/usr/share"
            try FileManager.default.createDirectory(
                atPath: extra,
                withIntermediateDirectories: true
            )
            for command in [
                ["cp", "-a", environment.repository, repository],
                ["dd", "if=/dev/urandom", "of=" + extra + "/ballast", "bs=1M", "count=60"],
                [
                    "ostree", "commit", "--repo=" + repository, "-b", "large",
                    "--tree=ref=" + VMEnvironment.ref, "--tree=dir=" + folder.path + "/extra",
                ],
                ["chmod", "-R", "a+rX", folder.path],
            ] {
                let made = try runCommand(command)
                #expect(made.status == 0, "\(made.errors)")
            }
            let result = try build(
                environment.build(into: images, repository: repository, ref: "large", size: "405M")
                    + ["--pull", pull]
            ).wait()
            #expect(result.status == 6, "\(result.errors)")
            #expect(result.errors.contains("--size"), "\(result.errors)")
            try expectNothingPublished()
        }

        /// Nothing is begun with a disk that cannot be updated.
        @Test func aPreviousDiskThatIsNone() throws {
            let first = try runCommand(
                OrdinaryUser.prefix + environment.build(into: images, method: "auto"),
                environment: userVariables(folder)
            )
            try #require(first.status == 0, "\(first.errors)")
            let disk = images + "/current/tiny-main.qcow2"
            let bytes = try Data(contentsOf: URL(fileURLWithPath: disk))
            try bytes.prefix(bytes.count / 2).write(
                to: URL(fileURLWithPath: folder.file("half.qcow2"))
            )
            try folder.write("junk.qcow2", "junk")
            try folder.write("secret.qcow2", "junk")
            _ = try runCommand(["chmod", "0", folder.file("secret.qcow2")])
            let current = images + "/current/tiny-next.qcow2"
            for (from, place, words) in [
                (folder.file("half.qcow2"), folder.file("half.qcow2"), ["damaged"]),
                (folder.file("junk.qcow2"), folder.file("junk.qcow2"), ["no qcow2 image"]),
                (folder.file("secret.qcow2"), folder.file("secret.qcow2"), ["Permission denied"]),
                (
                    folder.file("none.qcow2"), folder.file("none.qcow2"),
                    ["no such disk", "the path"]
                ),
                (folder.path, folder.path, ["it is a folder"]),
                ("current", current, ["`current` holds tiny-main.qcow2", "--from " + disk]),
            ] {
                let update = environment.build(
                    into: images,
                    ref: VMEnvironment.nextRef,
                    method: "auto"
                )
                let result = try build(update + ["--from", from]).wait()
                #expect(result.status == 4, "\(result.errors)")
                for word in words + [place + " cannot be updated", "--else-fresh"] {
                    #expect(result.errors.contains(word), "\(word): \(result.errors)")
                }
            }
            let fresh = try build(
                environment.build(into: images, ref: VMEnvironment.nextRef, method: "auto")
                    + ["--from", folder.file("junk.qcow2"), "--else-fresh"]
            ).wait()
            #expect(fresh.status == 0, "\(fresh.errors)")
            #expect(fresh.output.contains("building from scratch"), "\(fresh.output)")
            let empty = try build(environment.build(into: images) + ["--from", ""]).wait()
            #expect(empty.status == 2, "\(empty.errors)")
            let taken = try build(environment.build(into: images) + ["--build", "failures"]).wait()
            #expect(taken.status == 2, "\(taken.errors)")
        }

        /// The host's file system is full before the disk is done, whatever is made of it there: a new disk,
        /// a copy of the one before, or an overlay.
        @Test(
            .enabled(if: getuid() == 0, "only root may mount"),
            arguments: ["tcg", VMEnvironment.quickAccelerator],
            [[], ["--from"], ["--overlay", "--from"]]
        )
        func noRoomOnTheHost(accelerator: String, update: [String]) throws {
            var ref = VMEnvironment.ref
            var arguments = update
            if !update.isEmpty {
                let before = folder.path + "/before"
                let made = try runCommand(
                    OrdinaryUser.prefix + environment.build(into: before, method: "compose"),
                    environment: userVariables(folder)
                )
                try #require(made.status == 0, "\(made.errors)")
                arguments.append(before + "/current/tiny-main.qcow2")
                ref = VMEnvironment.nextRef
            }
            let size = update.count == 2 ? "1m" : "30m"
            try FileManager.default.createDirectory(
                atPath: images,
                withIntermediateDirectories: true
            )
            let mounted = try runCommand([
                "mount", "-t", "tmpfs", "-o", "size=\(size),mode=777", "full", images,
            ])
            try #require(mounted.status == 0, "\(mounted.errors)")
            defer { _ = try? runCommand(["umount", images]) }
            let began = Date()
            let result = try build(
                environment.build(into: images, ref: ref) + arguments,
                accelerator: accelerator
            ).wait()
            #expect(result.status == 6, "\(result.errors)")
            let first = result.errors.split(separator: "\n").first ?? ""
            #expect(first.contains("No space left on device"), "\(result.errors)")
            #expect(first.contains(images + "/.work-"), "\(result.errors)")
            #expect(first.contains("MB are free there"), "\(result.errors)")
            // A halted machine is given up after a minute without a sign of life.
            #expect(Date().timeIntervalSince(began) < 55)
            try expectNothingPublished()
        }

        @Test func qemuKilledInMidPull() throws {
            let running = try build(environment.build(into: images), accelerator: "tcg")
            try waitForPhase("Pulling", running)
            _ = try runCommand([
                "pkill", "-KILL", "-f", "--", "^/usr/bin/qemu-system.*" + folder.path,
            ])
            let result = running.wait()
            #expect(result.status == 5, "\(result.errors)")
            #expect(result.errors.contains("signal 9"), "\(result.errors)")
            try expectNothingPublished()
        }

        @Test(arguments: [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)])
        func asignalInMidBuild(signal: Int32, status: Int32) throws {
            // The quicker machine might be done before it comes.
            let running = try build(environment.build(into: images), accelerator: "tcg")
            try waitForPhase("Pulling", running)
            running.signal(signal)
            let result = running.wait()
            #expect(result.status == status, "\(result.errors)")
            try expectNothingPublished()
        }

        @Test func twoRunsAtOnceAndAKilledOne() throws {
            let first = try build(environment.build(into: images))
            try waitForPhase("Booting", first)
            let second = try build(environment.build(into: images)).wait()
            #expect(second.status == 7, "\(second.errors)")
            first.signal(SIGKILL)
            _ = first.wait()
            // The kernel ends the machine with its parent; what is left on disk goes with the next run.
            for _ in 0..<50 where try !processes(of: folder.path).isEmpty { usleep(100_000) }
            #expect(try processes(of: folder.path) == [])
            let wrong = try build(environment.build(into: images, ref: "nothing")).wait()
            #expect(wrong.status == 4)
            let third = try build(environment.build(into: images)).wait()
            #expect(third.status == 0, "\(third.errors)")
            #expect(try leftovers(folder.path) == [])
        }

        /// Waits until a phase has begun, and a moment more so that it is under way.
        private func waitForPhase(_ title: String, _ running: RunningCommand) throws {
            for _ in 0..<1200 {
                if running.outputSoFar().contains(title) {
                    usleep(700_000)
                    return
                }
                usleep(100_000)
            }
            Issue.record("no phase \(title): \(running.outputSoFar())")
        }
    }
}
