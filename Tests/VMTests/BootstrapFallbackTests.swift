import Foundation
import TestSupport
import Testing

/// Where the commit cannot be the bootstrap machine itself, another tree or kernel can.
extension VirtualMachineTests {
    @Suite struct BootstrapFallbackTests {
        let environment: VMEnvironment
        let folder: ScratchFolder
        var images: String { folder.path + "/images" }
        var repository: String { folder.path + "/repo" }
        var tree: String { folder.path + "/tree" }

        /// The fixture's tree, to be changed.
        init() throws {
            environment = try VMEnvironment.shared.get()
            folder = try environment.userFolder()
            try SampleRepository.ostree(
                "checkout",
                "-U",
                "--repo=\(environment.repository)",
                VMEnvironment.ref,
                tree
            )
            try SampleRepository.create(repository, mode: "archive")
        }

        /// Commits the changed tree as `changed`.
        private func commit() throws {
            try SampleRepository.ostree(
                "commit",
                "--repo=\(repository)",
                "--branch=os/changed",
                "--owner-uid=0",
                "--owner-gid=0",
                "--no-xattrs",
                "--tree=dir=\(tree)"
            )
            let opened = try runCommand(["chmod", "-R", "a+rX", repository, tree])
            #expect(opened.status == 0, "\(opened.errors)")
        }

        private func build(_ more: [String]) throws -> CommandResult {
            try runCommand(
                OrdinaryUser.prefix
                    + environment.build(into: images, repository: repository, ref: "os/changed")
                    + ["--accel", "tcg"] + more,
                environment: userVariables(folder)
            )
        }

        /// The disk holds the commit, by referees that know nothing of how it was made.
        private func expectTheCommitOnTheDisk() throws {
            let disk = images + "/current/tiny-changed.qcow2"
            for command in [
                ["/scripts/referees", disk],
                ["/scripts/compare-ownership", disk, repository, "os/changed"],
            ] {
                let verdict = try runCommand(
                    [VMEnvironment.root + command[0]] + command.dropFirst()
                )
                #expect(verdict.status == 0, "\(verdict.output)\n\(verdict.errors)")
            }
            #expect(try leftovers(folder.path) == [])
        }

        @Test func aTreeWithoutTheToolsIsBuiltByAnother() throws {
            for program in ["usr/sbin/mke2fs", "usr/sbin/mkfs.ext4", "usr/bin/extlinux"] {
                try FileManager.default.removeItem(atPath: "\(tree)/\(program)")
            }
            try commit()
            let refused = try build([])
            #expect(refused.status == 4, "\(refused.errors)")
            #expect(refused.errors.contains("mke2fs, extlinux"), "\(refused.errors)")
            #expect(refused.errors.contains("--bootstrap-ref"), "\(refused.errors)")
            let built = try build([
                "--bootstrap-repo", environment.repository, "--bootstrap-ref", VMEnvironment.ref,
            ])
            try #require(built.status == 0, "\(built.errors)")
            #expect(
                built.output.contains("Bootstrap VM: \(VMEnvironment.ref)"),
                "\(built.output)"
            )
            try expectTheCommitOnTheDisk()
        }

        @Test func aKernelWithout9PIsReplacedByAFile() throws {
            let modules = "\(tree)/usr/lib/modules"
            let version = try #require(
                FileManager.default.contentsOfDirectory(atPath: modules).first
            )
            let whole = folder.path + "/whole"
            #expect(try runCommand(["cp", "-r", "\(modules)/\(version)", whole]).status == 0)
            let index = "\(modules)/\(version)/modules.dep"
            let lines = try String(contentsOfFile: index, encoding: .utf8).split(separator: "\n")
            let kept = lines.filter { !$0.contains("fs/9p/9p.ko") }
            #expect(kept.count == lines.count - 1)
            try FileManager.default.removeItem(atPath: index)
            try (kept.joined(separator: "\n") + "\n")
                .write(toFile: index, atomically: true, encoding: .utf8)
            try commit()
            #expect(try runCommand(["chmod", "-R", "a+rX", whole]).status == 0)

            let looked = try runCommand([
                environment.builddisks, "doctor", "--repo", repository, "--ref", "os/changed",
            ])
            #expect(looked.output.contains("no module 9p"), "\(looked.output)")
            #expect(looked.output.contains("--kernel"), "\(looked.output)")
            let built = try build(["--kernel", whole + "/vmlinuz", "--modules", whole])
            try #require(built.status == 0, "\(built.errors)")
            #expect(
                built.output.contains("Linux \(version) from \(whole)/vmlinuz"),
                "\(built.output)"
            )
            try expectTheCommitOnTheDisk()
        }

        @Test func whatIsNoKernelIsRefused() throws {
            try commit()
            let refused = try build(["--kernel", tree + "/usr/bin/busybox"])
            #expect(refused.status == 4, "\(refused.errors)")
            #expect(refused.errors.contains("no x86 kernel image"), "\(refused.errors)")
        }
    }
}
