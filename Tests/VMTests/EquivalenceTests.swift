import Foundation
import TestSupport
import Testing

/// The two methods against each other: compose has to leave what the commit's own programs leave.
extension VirtualMachineTests {
    @Suite struct EquivalenceTests {
        let environment: VMEnvironment

        init() throws { environment = try VMEnvironment.shared.get() }

        @Test func composeLeavesWhatTheVMLeaves() throws {
            try compare(
                environment.repository,
                VMEnvironment.ref,
                osname: "tiny",
                size: "1G",
                accelerator: VMEnvironment.quickAccelerator,
                in: try environment.userFolder()
            )
        }

        /// What is added gets the labels of the commit's policy from both, though neither has a kernel
        /// that knows it.
        @Test func additionsAreLabelledAlike() throws {
            let folder = try environment.userFolder()
            try folder.write("added", "added\n")
            let disks = try compare(
                try labelledRepository(in: folder),
                VMEnvironment.ref,
                osname: "tiny",
                size: "1G",
                accelerator: VMEnvironment.quickAccelerator,
                in: folder,
                [
                    "--file", "/etc/new/added=\(folder.file("added"))", "--file",
                    "/var/new/added=\(folder.file("added"))",
                ]
            )
            let listing = try runCommand(
                [VMEnvironment.root + "/scripts/image-listing", disks.vm]
            )
            let label = (Array("system_u:object_r:etc_t:s0".utf8) + [0])
                .map { String(format: "%02x", $0) }.joined()
            for path in ["fstab", "new", "new/added"] {
                let line = listing.output.split(separator: "\n")
                    .first { $0.hasSuffix(" /etc/\(path)") }
                #expect(
                    line?.contains("security.selinux=\(label) ") == true,
                    "\(path): \(line ?? "nothing")"
                )
            }
        }

        /// The tiny commit with a policy.
        private func labelledRepository(in folder: ScratchFolder) throws -> String {
            let repository = folder.file("repo")
            let policy = folder.file("policy.tar")
            try Data(TarArchive.bytes(of: SamplePolicy.entries())).write(
                to: URL(fileURLWithPath: policy)
            )
            let ostree = ["ostree", "--repo=\(repository)"]
            for command in [
                ostree + ["init", "--mode=archive"],
                ostree + ["pull-local", environment.repository, VMEnvironment.ref],
                ostree + [
                    "commit", "--branch=\(VMEnvironment.ref)",
                    "--tree=ref=\(VMEnvironment.ref)", "--tree=tar=\(policy)",
                    "--timestamp=2020-01-01T00:00:00Z",
                ],
            ] {
                let done = try runCommand(command)
                try #require(done.status == 0, "\(command): \(done.errors)")
            }
            return repository
        }

        @Test(
            .enabled(if: FullTests.debian != nil, "the Debian tree belongs to make test-full"),
            .timeLimit(.minutes(30))
        )
        func composeLeavesWhatTheVMLeavesOfDebian() throws {
            let repository = try #require(FullTests.debian)
            let refs = try runCommand(["ostree", "refs", "--repo=\(repository)"])
            let ref = try #require(
                refs.output.split(separator: "\n").first { $0.hasSuffix("/standard") }
            )
            try compare(
                repository,
                String(ref),
                osname: "debian",
                size: "8G",
                accelerator: "tcg",
                in: try environment.userFolder()
            )
        }

        /// One path on both disks.
        private struct Difference {
            var partition, field, path, vm, composed: String

            init?(_ line: Substring) {
                let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
                guard fields.count == 5 else { return nil }
                partition = String(fields[0])
                field = String(fields[1])
                path = String(fields[2])
                vm = String(fields[3])
                composed = String(fields[4])
            }

            /// All that may differ, beside inode numbers, which are not compared.
            var isTolerated: Bool {
                switch (partition, field, path) {
                // A time that libostree takes from the clock; those that it fixes are 0.
                case (_, "mtime", _): vm != "0" && composed != "0" && !composed.isEmpty
                // It holds the numbers of its own sectors.
                case ("gnostree-boot", "content", "/syslinux/ldlinux.sys"): true
                default: false
                }
            }
        }

        @discardableResult
        private func compare(
            _ repository: String,
            _ ref: String,
            osname: String,
            size: String,
            accelerator: String,
            in folder: ScratchFolder,
            _ more: [String] = []
        ) throws -> (vm: String, composed: String) {
            var disks: [String] = []
            for method in ["vm", "compose"] {
                let images = folder.path + "/" + method
                let build = try runCommand(
                    [
                        environment.builddisks, "build", "--repo", repository, "--ref", ref,
                        "--osname", osname, "--output", images, "--size", size, "--method", method,
                    ] + (method == "vm" ? ["--accel", accelerator] : []) + more,
                    environment: userVariables(folder)
                )
                try #require(build.status == 0, "\(build.output)\n\(build.errors)")
                let name = "\(osname)-\(ref.split(separator: "/").last ?? "").qcow2"
                disks.append(images + "/current/" + name)
            }
            let script = VMEnvironment.root + "/scripts/compare-disks"
            let compared = try runCommand([script] + disks)
            // 1: differences, and there always are some of the tolerated ones.
            try #require(compared.status == 1, "\(compared.output)\n\(compared.errors)")
            let lines = compared.output.split(separator: "\n")
            let differences = lines.compactMap { Difference($0) }
            #expect(differences.count == lines.count)
            let others = differences.filter { !$0.isTolerated }
            #expect(others.isEmpty, "\(others.prefix(20)), \(others.count) in all")
            // The two disks come from different clocks: were none found, nothing was compared.
            #expect(differences.contains { $0.field == "mtime" })
            return (disks[0], disks[1])
        }
    }
}

/// What `make test-full` adds.
enum FullTests {
    /// The repository of the Debian fixture.
    static let debian = ProcessInfo.processInfo.environment["BUILDDISKS_DEBIAN"]
}
