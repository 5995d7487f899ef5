import Compose
import DiskImage
import Foundation
import OSTree
import SystemPackage
import TestSupport
import Testing

/// Layouts that UEFI starts from.
@Suite struct EFITests {
    private static let schemes = [DiskLayout.Scheme.uefi, .hybrid]

    @Test(arguments: schemes)
    func `every referee is content`(scheme: DiskLayout.Scheme) throws {
        let sample = try SampleRepository(BootableTree.entries())
        let disk = try ComposedDisk(try plan(sample, layout: scheme))
        for role in [PartitionRole.boot, .root] {
            let check = try Referee.run("e2fsck", ["-fn", try disk.partition(role)])
            #expect(check.status == 0, "\(check.output)")
        }
        let check = try Referee.run("fsck.fat", ["-n", try disk.partition(.esp)])
        #expect(check.status == 0, "\(check.output)")
        let image = try Referee.run("qemu-img", ["check", disk.scratch.file("disk")])
        #expect(image.status == 0, "\(image.output)")
        let raw = disk.scratch.file("raw")
        _ = try Referee.run("qemu-img", ["convert", "-O", "raw", disk.scratch.file("disk"), raw])
        let gdisk = try Referee.run("sgdisk", ["-v", raw])
        #expect(gdisk.output.contains("No problems found"), "\(gdisk.output)")
    }

    @Test(arguments: schemes)
    func `the EFI system partition holds the boot manager and the driver`(
        scheme: DiskLayout.Scheme
    ) throws {
        let sample = try SampleRepository(BootableTree.entries())
        let disk = try ComposedDisk(try plan(sample, layout: scheme))
        let programs = try #require(disk.plan.programs.uefi)
        for (path, bytes) in [
            ("EFI/BOOT/BOOTX64.EFI", programs.bootManager),
            ("EFI/systemd/systemd-bootx64.efi", programs.bootManager),
            ("EFI/systemd/drivers/ext4x64.efi", programs.fileSystemDriver),
            ("loader/loader.conf", Array("timeout 2\n".utf8)),
        ] {
            let out = disk.scratch.file("out")
            let copied = try Referee.run(
                "mcopy",
                ["-n", "-o", "-i", try disk.partition(.esp), "::/\(path)", out]
            )
            #expect(copied.status == 0, "\(path): \(copied.output)")
            #expect(FileManager.default.contents(atPath: out).map { [UInt8]($0) } == bytes)
        }
        let names = try Referee.run("mdir", ["-b", "-/", "-i", try disk.partition(.esp), "::/"])
        #expect(names.output.split(separator: "\n").count == 9, "\(names.output)")
    }

    @Test(arguments: DiskLayout.Scheme.allCases)
    func `boot entries are there for every loader, extlinux only where a BIOS starts it`(
        scheme: DiskLayout.Scheme
    ) throws {
        let sample = try SampleRepository(BootableTree.entries())
        let disk = try ComposedDisk(try plan(sample, layout: scheme))
        let entry = try disk.debugfs(.boot, "cat /loader/entries/ostree-1-demo.conf")
        #expect(entry.contains("\nlinux /ostree/demo-"), "\(entry)")
        let menu = try disk.debugfs(.boot, "stat /syslinux/ldlinux.sys")
        #expect(menu.contains("Inode:") == scheme.startsFromBIOS, "\(menu)")
        let configuration = try disk.debugfs(.boot, "stat /loader/syslinux.cfg")
        #expect(configuration.contains("Inode:") == scheme.startsFromBIOS)
    }

    @Test func `the same plan gives the same bytes, raw and qcow2 the same disk`() throws {
        let sample = try SampleRepository(BootableTree.entries())
        // Not a whole number of clusters: the table's copy lies in the last one.
        let size: UInt64 = 512 << 20 | 512
        let one = try ComposedDisk(try plan(sample, layout: .hybrid, size: size), threads: 1)
        let other = try ComposedDisk(try plan(sample, layout: .hybrid, size: size), threads: 3)
        #expect(try one.bytes() == other.bytes())
        let raw = try ComposedDisk(try plan(sample, layout: .hybrid, size: size, format: .raw))
        let same = try Referee.run(
            "qemu-img",
            [
                "compare", "-f", "qcow2", "-F", "raw", one.scratch.file("disk"),
                raw.scratch.file("disk"),
            ]
        )
        #expect(same.output.contains("identical"), "\(same.output)")
    }

    @Test func `programs come from the commit first, else from this host`() throws {
        let own = SampleTree.big
        let sample = try SampleRepository(
            BootableTree.entries(more: [
                .directory("usr/lib/systemd"), .directory("usr/lib/systemd/boot"),
                .directory("usr/lib/systemd/boot/efi"),
                .file("usr/lib/systemd/boot/efi/systemd-bootx64.efi", own),
            ])
        )
        let repository = try Repository(path: FilePath(sample.path))
        let commit = try repository.commit(repository.resolve("os/sample"))
        let found = try BootBinaries(for: .hybrid, commit: commit, in: repository)
        #expect(found.programs.uefi?.bootManager == own)
        #expect(
            found.all.map(\.name)
                == ["gptmbr", "extlinux", "systemd-boot", "efi-ext4-driver"]
        )
        #expect(found.all.map(\.isFromCommit) == [false, false, true, false])
        for binary in found.all where !binary.isFromCommit {
            let file = try #require(FileManager.default.contents(atPath: binary.path))
            #expect(file == Data(binary.bytes))
        }
        let bios = try BootBinaries(for: .bios, commit: commit, in: repository)
        #expect(bios.programs.uefi == nil && bios.all.map(\.name) == ["mbr", "extlinux"])
        let uefi = try BootBinaries(for: .uefi, commit: commit, in: repository)
        #expect(uefi.programs.bios == nil && uefi.all.count == 2)
    }

    @Test func `a boot manager too large for its partition is refused`() throws {
        let sample = try SampleRepository(BootableTree.entries())
        var large = try plan(sample, layout: .uefi)
        large.programs.uefi?.bootManager = [UInt8](repeating: 1, count: 40 << 20)
        let scratch = try ScratchFolder()
        let error = #expect(throws: ComposeError.self) {
            try Composer(plan: large, scratch: FilePath(scratch.path)).compose(
                to: FilePath(scratch.file("disk"))
            )
        }
        #expect("\(error.map(String.init(describing:)) ?? "")".contains("EFI system partition"))
    }
}
