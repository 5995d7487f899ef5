import Foundation
import TestSupport
import Testing

@testable import DiskImage

@Suite struct FATTests {
    private func image(
        size: UInt64,
        _ build: (inout FileTree) throws -> Void
    ) throws -> (scratch: ScratchFolder, path: String) {
        let scratch = try ScratchFolder()
        var tree = FileTree(root: folder)
        try build(&tree)
        let fs = try FAT32FileSystem(
            tree: tree,
            label: "ESP",
            identifier: 0x1234_abcd,
            length: size,
            created: 1_600_000_000
        )
        var image = try RawImage(scratch.file("fs"), size: size)
        try fs.writeMetadata(to: &image, base: 0)
        let allowed = fs.writtenRanges
        for index in 0..<tree.nodeCount {
            let node = FileTree.NodeID(index: index)
            for run in fs.dataRuns(of: node) {
                #expect(allowed.contains { $0.contains(run.offset) })
                try image.write(contents(node, from: 0, count: Int(run.length)), at: run.offset)
            }
        }
        try image.handle.close()
        return (scratch, scratch.file("fs"))
    }

    private let names = [
        "KERNEL.IMG", "kernel.img.old", "systemd-bootx64.efi", "a", ".hidden", "two words.txt",
        "größe.conf", String(repeating: "long", count: 63), "exactly13chrs", "UPPER.LONGSUFFIX",
        "same-beginning-1.efi", "same-beginning-2.efi",
    ]

    @Test(arguments: [64 << 20, 300 << 20] as [UInt64])
    func `fsck finds nothing to say, and mtools read every file`(size: UInt64) throws {
        let made = try image(size: size) { tree in
            let efi = try tree.addDirectory("EFI".utf8, in: FileTree.root, folder)
            let boot = try tree.addDirectory("BOOT".utf8, in: efi, folder)
            for (i, name) in names.enumerated() {
                _ = try tree.addFile(name.utf8, in: boot, plain, size: UInt64(i * 3000))
            }
            let many = try tree.addDirectory("many".utf8, in: FileTree.root, folder)
            for i in 0..<500 {
                _ = try tree.addFile("entry number \(i).conf".utf8, in: many, plain, size: 10)
            }
        }
        let check = try Referee.run("fsck.fat", ["-n", "-v", made.path])
        #expect(check.status == 0, "\(check.output)")
        #expect(check.output.contains("515 files") || check.output.contains("516 files"))
        for (i, name) in names.enumerated() where i > 0 {
            let out = made.scratch.file("out")
            let copied = try Referee.run(
                "mcopy",
                ["-n", "-o", "-i", made.path, "::/EFI/BOOT/\(name)", out],
                environment: ["LC_ALL": "C.UTF-8"]
            )
            #expect(copied.status == 0, "\(name): \(copied.output)")
            let read = FileManager.default.contents(atPath: out).map { [UInt8]($0) }
            #expect(read == contents(FileTree.NodeID(index: i + 3), from: 0, count: i * 3000))
        }
        let found = try Referee.run("blkid", ["-p", made.path]).output
        #expect(found.contains("LABEL=\"ESP\"") && found.contains("UUID=\"1234-ABCD\""))
        #expect(found.contains("VERSION=\"FAT32\""))
    }

    @Test func `times are kept to two seconds`() throws {
        let made = try image(size: 64 << 20) { tree in
            var attributes = plain
            attributes.modified = 1_709_210_096  // 2024-02-29 12:34:56
            _ = try tree.addFile("LEAP".utf8, in: FileTree.root, attributes, size: 1)
        }
        let list = try Referee.run("mdir", ["-i", made.path, "::/"], environment: ["TZ": "UTC"])
        #expect(list.output.contains("2024-02-29  12:34"), "\(list.output)")
    }

    @Test func `the referee sees damage`() throws {
        let made = try image(size: 64 << 20) { tree in
            _ = try tree.addFile("FILE".utf8, in: FileTree.root, plain, size: 5000)
        }
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: made.path))
        try handle.seek(toOffset: 32 * 512 + 16)
        try handle.write(contentsOf: [9, 0, 0, 0])
        try handle.close()
        #expect(try Referee.run("fsck.fat", ["-n", made.path]).status != 0)
    }

    @Test func `what FAT cannot hold is refused with its path`() throws {
        func problem(
            size: UInt64 = 64 << 20,
            _ build: (inout FileTree) throws -> Void
        ) -> FAT32FileSystem.Problem? {
            #expect(throws: FAT32FileSystem.Problem.self) { try image(size: size, build) }
        }
        #expect(problem(size: 20 << 20) { _ in } == .unsuitableSize(bytes: 20 << 20))
        #expect(
            problem { _ = try $0.addSymlink("s".utf8, in: FileTree.root, plain, target: "x".utf8) }
                == .unsuitableKind(path: "/s")
        )
        for name in ["a:b", "dot.", "que?"] {
            #expect(
                problem { _ = try $0.addFile(name.utf8, in: FileTree.root, plain, size: 1) }
                    == .unsuitableName(path: "/\(name)")
            )
        }
        #expect(
            problem { tree in
                _ = try tree.addFile("name.txt".utf8, in: FileTree.root, plain, size: 1)
                _ = try tree.addFile("NAME.TXT".utf8, in: FileTree.root, plain, size: 1)
            } == .unsuitableName(path: "/NAME.TXT")
        )
        #expect(
            problem { _ = try $0.addFile("BIG".utf8, in: FileTree.root, plain, size: 5 << 30) }
                == .tooLarge(path: "/BIG")
        )
        guard
            case .outOfSpace = problem({
                _ = try $0.addFile("BIG".utf8, in: FileTree.root, plain, size: 80 << 20)
            })
        else {
            Issue.record("80 MiB fitted into 64")
            return
        }
    }
}

@Suite struct GPTTests {
    private let identity = DiskIdentity(seed: "gpt")

    private func entries() -> [GUIDPartitionTable.Entry] {
        [
            GUIDPartitionTable.Entry(
                kind: .efiSystem,
                uuid: identity.uuid("1"),
                range: (1 << 20)..<(65 << 20),
                name: "ESP"
            ),
            GUIDPartitionTable.Entry(
                kind: .linuxRootX8664,
                uuid: identity.uuid("2"),
                range: (65 << 20)..<(900 << 20),
                name: "root",
                isLegacyBootable: true
            ),
        ]
    }

    @Test func `sfdisk reads back the table that was written`() throws {
        let scratch = try ScratchFolder()
        let table = try GUIDPartitionTable(
            size: 1 << 30,
            uuid: identity.uuid("disk"),
            entries: entries()
        )
        let disk = scratch.file("disk")
        try makeImage(try table.sectors(), to: disk, size: 1 << 30)
        let verify = try Referee.run("sfdisk", ["--verify", disk])
        #expect(verify.output.contains("No errors detected"), "\(verify.output)")
        let dump = try Referee.run(
            "sfdisk",
            ["-d", disk],
            environment: ["LC_ALL": "C.UTF-8"]
        ).output
        #expect(dump.contains("label: gpt"))
        #expect(dump.lowercased().contains("label-id: \(identity.uuid("disk"))"))
        #expect(dump.contains("type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B"))
        #expect(dump.lowercased().contains("uuid=\(identity.uuid("2"))"))
        #expect(dump.contains("start=      133120, size=     1710080"))
        #expect(dump.contains("name=\"root\"") && dump.contains("LegacyBIOSBootable"))
    }

    @Test func `sfdisk sees that the copy is damaged`() throws {
        let scratch = try ScratchFolder()
        let table = try GUIDPartitionTable(
            size: 1 << 30,
            uuid: identity.uuid("disk"),
            entries: entries()
        )
        var sectors = try table.sectors()
        sectors[4].bytes[20] ^= 1
        sectors[4].bytes[16] ^= 1
        try makeImage(sectors, to: scratch.file("disk"), size: 1 << 30)
        let verify = try Referee.run("sfdisk", ["--verify", scratch.file("disk")])
        #expect(verify.output.lowercased().contains("backup"), "\(verify.output)")
    }

    @Test func `partitions that overlap each other or the tables are refused`() throws {
        for range in [0..<(1 << 20), (64 << 20)..<(65 << 20), (1023 << 20)..<(1 << 30)]
            as [Range<UInt64>]
        {
            let bad = GUIDPartitionTable.Entry(
                kind: .linux,
                uuid: identity.uuid("3"),
                range: range,
                name: "bad"
            )
            #expect(throws: GUIDPartitionTable.Problem.misplaced(name: "bad")) {
                try GUIDPartitionTable(
                    size: 1 << 30,
                    uuid: identity.uuid("disk"),
                    entries: [entries()[0], bad]
                )
            }
        }
    }
}
