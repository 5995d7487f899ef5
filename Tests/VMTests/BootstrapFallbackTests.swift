import Foundation
import SystemPackage
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

        private func build(
            _ more: [String],
            into output: String? = nil
        ) throws -> CommandResult {
            try runCommand(
                OrdinaryUser.prefix
                    + environment.build(
                        into: output ?? images,
                        repository: repository,
                        ref: "os/changed"
                    )
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

        /// Takes 9P from the tree's kernel.
        /// - Returns: a copy of kernel and modules from before.
        private func remove9P() throws -> String {
            let modules = "\(tree)/usr/lib/modules"
            let version = try #require(
                FileManager.default.contentsOfDirectory(atPath: modules).first
            )
            let whole = "\(folder.path)/\(version)"
            #expect(try runCommand(["cp", "-r", "\(modules)/\(version)", whole]).status == 0)
            let index = "\(modules)/\(version)/modules.dep"
            let lines = try String(contentsOfFile: index, encoding: .utf8).split(separator: "\n")
            let kept = lines.filter { !$0.contains("fs/9p/9p.ko") }
            #expect(kept.count == lines.count - 1)
            try FileManager.default.removeItem(atPath: index)
            try (kept.joined(separator: "\n") + "\n")
                .write(toFile: index, atomically: true, encoding: .utf8)
            #expect(try runCommand(["chmod", "-R", "a+rX", whole]).status == 0)
            return whole
        }

        /// Its root is an image on a disk, and the disk comes out the same as with a view from another
        /// kernel.
        @Test func aKernelWithout9PHasItsRootOnADisk() throws {
            let whole = try remove9P()
            try commit()
            let looked = try runCommand([
                environment.builddisks, "doctor", "--repo", repository, "--ref", "os/changed",
            ])
            #expect(looked.output.contains("its root will be an image"), "\(looked.output)")
            let built = try build([])
            try #require(built.status == 0, "\(built.errors)")
            #expect(built.output.contains("since the kernel has no 9P"), "\(built.output)")
            try expectTheCommitOnTheDisk()

            let other = folder.path + "/other"
            let kernel = ["--kernel", whole + "/vmlinuz", "--modules", whole]
            let live = try build(kernel + ["--bootstrap-root", "9p"], into: other)
            try #require(live.status == 0, "\(live.errors)")
            #expect(live.output.contains("live over 9P"), "\(live.output)")
            #expect(live.output.contains("from \(whole)/vmlinuz"), "\(live.output)")
            let same = try runCommand([
                VMEnvironment.root + "/scripts/compare-disks",
                images + "/current/tiny-changed.qcow2", other + "/current/tiny-changed.qcow2",
            ])
            // Any two builds differ in the clock's times, and in the sectors that extlinux notes.
            let others = same.output.split(separator: "\n").filter {
                !$0.contains("\tmtime\t") && !$0.contains("\tcontent\t/syslinux/ldlinux.sys\t")
            }
            #expect(others == [])
            #expect(same.status < 2, "\(same.errors)")

            // The repository cannot come over 9P then.
            let stripped = "\(tree)/usr/lib/modules/\(FilePath(whole).lastComponent!)"
            let refused = try build([
                "--kernel", stripped + "/vmlinuz", "--modules", stripped, "--pull", "9p",
            ])
            #expect(refused.status == 4, "\(refused.errors)")
            #expect(refused.errors.contains("no module 9p"), "\(refused.errors)")
            let absurd = try build(["--bootstrap-root", "image", "--pull", "9p"])
            #expect(absurd.status == 2, "\(absurd.errors)")
            #expect(absurd.errors.contains("pull 9p"), "\(absurd.errors)")
        }

        @Test func whatIsNoKernelIsRefused() throws {
            try commit()
            let refused = try build(["--kernel", tree + "/usr/bin/busybox"])
            #expect(refused.status == 4, "\(refused.errors)")
            #expect(refused.errors.contains("no x86 kernel image"), "\(refused.errors)")
        }
    }
}
