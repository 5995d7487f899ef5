import Compose
import DiskImage
import Foundation
import OSTree
import SystemPackage
import TestSupport
import Testing

/// A small tree that can be deployed: the sample of every kind of file, a kernel, and an `ostree`
/// that says its version.
enum BootableTree {
    static func entries(
        libostree: String = "2022.7",
        kernels: [String] = ["6.1.0"],
        more: [TarEntry] = []
    ) -> [TarEntry] {
        var entries =
            SampleTree.full + [
                .file("usr/bin/ostree", Array("\u{7f}ELF\0x\0".utf8) + Array(libostree.utf8) + [0]),
                .directory("usr/lib/modules"),
            ]
        for kernel in kernels {
            entries += [
                .directory("usr/lib/modules/\(kernel)"),
                .file("usr/lib/modules/\(kernel)/vmlinuz", Array("kernel \(kernel)".utf8)),
                .file("usr/lib/modules/\(kernel)/initramfs.img", SampleTree.big, mode: 0o600),
            ]
        }
        return entries + more
    }
}

/// A tree with a policy, and files that have labels of their own.
enum LabelledTree {
    static let own: [String: [UInt8]] = [
        "security.selinux": Array("system_u:object_r:own_t:s0".utf8) + [0], "user.other": [1],
    ]

    static func entries(libostree: String, mode: String = "enforcing") -> [TarEntry] {
        BootableTree.entries(
            libostree: libostree,
            more: SamplePolicy.entries(mode: mode) + [
                .file("usr/etc/labelled", Array("l".utf8), xattrs: own),
                .directory("usr/etc/labelled.d", xattrs: own),
                .symlink("usr/etc/link", to: "labelled"),
                .file("usr/share/labelled", Array("s".utf8), xattrs: own),
                .file("var/lib/labelled", Array("v".utf8), xattrs: own),
            ]
        )
    }
}

/// The host's extlinux; its MBR code is of no interest here.
let extlinux = FileManager.default.contents(atPath: "/usr/bin/extlinux").map { [UInt8]($0) } ?? []

func plan(
    _ sample: SampleRepository,
    layout: DiskLayout.Scheme = .bios,
    size: UInt64 = 512 << 20,
    format: ComposePlan.Format = .qcow2,
    fstab: [UInt8]? = nil
) throws -> ComposePlan {
    let repository = try Repository(path: FilePath(sample.path))
    let commit = try repository.commit(repository.resolve("os/sample"))
    return ComposePlan(
        repository: repository,
        commit: commit,
        ref: "os/sample",
        osname: "demo",
        kernelArguments: ["root=LABEL=gnostree-root", "rw", "console=tty0", "console=ttyS0"],
        layout: try DiskLayout(
            layout,
            size: size,
            identity: DiskIdentity(seed: commit.checksum.hex)
        ),
        format: format,
        fstab: fstab,
        programs: BootPrograms(
            bios: layout.startsFromBIOS ? .init(bootCode: [0xeb, 0xfe], extlinux: extlinux) : nil,
            uefi: layout.startsFromUEFI
                ? .init(bootManager: SampleTree.big, fileSystemDriver: [0x4d, 0x5a]) : nil
        )
    )
}

/// A composed disk, its partitions as files of their own.
struct ComposedDisk {
    let scratch: ScratchFolder
    let plan: ComposePlan
    let figures: ComposeFigures

    init(_ plan: ComposePlan, threads: Int = 2) throws {
        scratch = try ScratchFolder()
        self.plan = plan
        figures = try Composer(plan: plan, scratch: FilePath(scratch.path)).compose(
            to: FilePath(scratch.file("disk")),
            threads: threads
        )
    }

    func bytes() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: scratch.file("disk"))) }

    /// The path of a partition's file system.
    func partition(_ role: PartitionRole) throws -> String {
        let path = scratch.file(role.rawValue)
        if FileManager.default.fileExists(atPath: path) { return path }
        let partition = try #require(plan.layout.partition(role))
        let convert = try Referee.run(
            "qemu-img",
            [
                "convert", "-O", "raw", "--image-opts",
                "driver=raw,offset=\(partition.offset),size=\(partition.length),"
                    + "file.driver=\(plan.format == .qcow2 ? "qcow2" : "file"),"
                    + (plan.format == .qcow2 ? "file.file.filename=" : "file.filename=")
                    + scratch.file("disk"),
                path,
            ]
        )
        try #require(convert.status == 0, "\(convert.output)")
        return path
    }

    func debugfs(_ role: PartitionRole, _ request: String) throws -> String {
        try Referee.run("debugfs", ["-R", request, try partition(role)]).output
            .split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !$0.hasPrefix("debugfs ") }.joined(separator: "\n")
    }
}

@Suite struct ComposeTests {
    @Test(arguments: [("2022.7", ComposePlan.Format.qcow2), ("2025.2", .raw), ("2026.4", .qcow2)])
    func `every referee is content`(libostree: String, format: ComposePlan.Format) throws {
        let sample = try SampleRepository(BootableTree.entries(libostree: libostree))
        let disk = try ComposedDisk(try plan(sample, format: format))
        #expect(disk.figures.libostree == libostree)
        for role in [PartitionRole.boot, .root] {
            let check = try Referee.run("e2fsck", ["-fn", try disk.partition(role)])
            #expect(check.status == 0, "\(check.output)")
        }
        if format == .qcow2 {
            let check = try Referee.run("qemu-img", ["check", disk.scratch.file("disk")])
            #expect(check.status == 0, "\(check.output)")
        }
        let swap = try Referee.run("blkid", ["-p", try disk.partition(.swap)])
        #expect(swap.output.contains("LABEL=\"gnostree-swap\""))
    }

    @Test func `the same plan gives the same bytes, whatever the number of threads`() throws {
        let sample = try SampleRepository(BootableTree.entries())
        let one = try ComposedDisk(try plan(sample), threads: 1).bytes()
        for threads in [3] {
            #expect(try ComposedDisk(try plan(sample), threads: threads).bytes() == one)
        }
        let bare = try Repository(path: FilePath(sample.pull("bare-user")))
        var other = try plan(sample)
        other.repository = bare
        #expect(try ComposedDisk(other).bytes() == one)
    }

    @Test func `raw and qcow2 hold the same disk`() throws {
        let sample = try SampleRepository(BootableTree.entries())
        let raw = try ComposedDisk(try plan(sample, format: .raw))
        let qcow2 = try ComposedDisk(try plan(sample, format: .qcow2))
        let same = try Referee.run(
            "qemu-img",
            [
                "compare", "-f", "raw", "-F", "qcow2", raw.scratch.file("disk"),
                qcow2.scratch.file("disk"),
            ]
        )
        #expect(same.output.contains("identical"), "\(same.output)")
    }

    @Test func `owners, modes and attributes are the commit's`() throws {
        let sample = try SampleRepository(BootableTree.entries())
        let disk = try ComposedDisk(try plan(sample, fstab: Array("here\n".utf8)))
        let root = "/ostree/deploy/demo/deploy/\(sample.commit).0"
        let su = try disk.debugfs(.root, "stat \(root)/usr/bin/su")
        #expect(su.contains("Mode:  04755") && su.contains("Links: 2"))
        let shadow = try disk.debugfs(.root, "stat \(root)/etc/shadow")
        #expect(shadow.contains("Mode:  0640") && shadow.contains("Group:    42"))
        #expect(shadow.contains("Links: 1"))
        let ping = try disk.debugfs(.root, "ea_get -x \(root)/usr/bin/ping security.capability")
        #expect(ping.contains("01 00 00 02 00 20 00 00"), "\(ping)")
        let long = try disk.debugfs(.root, "ea_get \(root)/usr/share/attributed user.long")
        #expect(long.contains("user.long (300)"), "\(long)")
        #expect(try disk.debugfs(.root, "cat \(root)/etc/fstab") == "here\n")
        #expect(try disk.debugfs(.root, "cat \(root)/usr/bin/tool") == "tool")
        #expect(try disk.debugfs(.root, "stat \(root)").contains("Flags: 0x80010"))
        #expect(
            try disk.debugfs(.root, "cat \(root).origin") == "[origin]\nrefspec=os/sample\n"
        )
    }

    /// Three ways through memory: with others, alone, in pieces.
    @Test func `large contents arrive whole`() throws {
        let sizes = ["big": SampleTree.big.count, "larger": 9_000_001, "huge": 50_331_649]
        func content(_ size: Int) -> [UInt8] {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(size + SampleTree.big.count)
            while bytes.count < size { bytes += SampleTree.big }
            return Array(bytes.prefix(size))
        }
        let sample = try SampleRepository(
            BootableTree.entries(
                more: sizes.filter { $0.key != "big" }.map {
                    .file("usr/share/" + $0.key, content($0.value))
                }
            )
        )
        let disk = try ComposedDisk(try plan(sample))
        let out = disk.scratch.file("out")
        let root = "/ostree/deploy/demo/deploy/\(sample.commit).0"
        for (name, size) in sizes {
            _ = try disk.debugfs(.root, "dump \(root)/usr/share/\(name) \(out)")
            let found = FileManager.default.contents(atPath: out)
            #expect(found.map { [UInt8]($0) } == content(size), "\(name)")
        }
    }

    @Test(arguments: [("2022.7", "ostree-1-demo.conf"), ("2025.2", "ostree-1.conf")])
    func `the boot entry is named and worded as the commit's libostree does`(
        libostree: String,
        name: String
    ) throws {
        let sample = try SampleRepository(BootableTree.entries(libostree: libostree))
        let disk = try ComposedDisk(try plan(sample))
        let entry = try disk.debugfs(.boot, "cat /loader/entries/\(name)")
        let lines = entry.split(separator: "\n").map(String.init)
        #expect(lines.first == "title Sample 1.0 (ostree:0)")
        #expect(lines.count == (libostree == "2025.2" ? 7 : 5), "\(entry)")
        if libostree == "2025.2" {
            #expect(lines[5].hasPrefix("aboot /ostree/deploy/demo/deploy/"))
            #expect(lines[6].hasPrefix("abootcfg "))
        }
        let options = try #require(lines.first { $0.hasPrefix("options ") })
        #expect(options.contains("rw console=tty0 console=ttyS0 ostree=/ostree/boot.1/demo/"))
        let menu = try disk.debugfs(.boot, "cat /loader.1/syslinux.cfg")
        #expect(menu.contains("\tAPPEND \(options.dropFirst("options ".count))\n"))
    }

    @Test func `a file with more names than ext4 allows goes on as a copy`() throws {
        let sample = try SampleRepository(BootableTree.entries())
        let repository = sample.file("links")
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().path
        let made = try runCommand([
            script + "/scripts/synthetic-repository", repository, sample.path, "os/sample",
            "--links", "65003",
        ])
        try #require(made.status == 0, "\(made.errors)")
        var plan = try plan(sample)
        plan.repository = try Repository(path: FilePath(repository))
        plan.commit = try plan.repository.commit(plan.repository.resolve("synthetic"))
        let disk = try ComposedDisk(plan)
        let check = try Referee.run("e2fsck", ["-fn", try disk.partition(.root)])
        #expect(check.status == 0, "\(check.output)")
        // The object's own name is one of the 65,000; what is left are copies, each a file for itself.
        let folder = "/ostree/deploy/demo/deploy/\(plan.commit.checksum.hex).0/usr/share/links"
        for (number, links) in [(0, 65_000), (64_998, 65_000), (64_999, 1), (65_002, 1)] {
            let name = "\(folder)/link-0\(number == 0 ? "00000" : String(number))"
            let status = try disk.debugfs(.root, "stat \(name)")
            #expect(status.contains("Links: \(links) "), "\(name): \(status)")
            #expect(try disk.debugfs(.root, "cat \(name)") == "one of many\n")
        }
    }
}
