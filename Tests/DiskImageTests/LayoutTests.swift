import Foundation
import TestSupport
import Testing

@testable import DiskImage

private let identity = DiskIdentity(seed: "commit 1234, plan abc")

@Suite struct LayoutTests {
    @Test func `identifiers follow from the seed alone and are all different`() throws {
        let again = DiskIdentity(seed: "commit 1234, plan abc")
        #expect(identity.uuid("root") == again.uuid("root"))
        #expect(identity.uuid("root") != identity.uuid("boot"))
        #expect(DiskIdentity(seed: "other").mbrSignature != identity.mbrSignature)
        let text = identity.uuid("root").description
        #expect(VolumeUUID(text)?.description == text)
        #expect(text.count == 36 && text.dropFirst(14).first == "8")
    }

    @Test(arguments: [400 << 20, 4 << 30, 16 << 30, 1 << 40] as [UInt64])
    func `sfdisk reads back the table that was written`(size: UInt64) throws {
        let layout = try DiskLayout(.bios, size: size, identity: identity)
        let folder = try ScratchFolder()
        let disk = folder.file("disk")
        try makeImage(try layout.tableSectors(bootCode: []), to: disk, size: size)
        let verify = try Referee.run("sfdisk", ["--verify", disk])
        #expect(verify.output.contains("No errors detected"), "\(verify.output)")
        let dump = try Referee.run("sfdisk", ["-d", disk]).output
        #expect(dump.contains("label: dos"))
        #expect(dump.contains("start=        2048, size=      409600, type=83, bootable"))
        #expect(dump.contains("start=      411648, size=      131072, type=82"))
        let root = try #require(layout.partition(.root))
        #expect(dump.contains(" size=\(String(root.length / 512).leftPadded(to: 12)), type=83\n"))
        #expect(root.offset % (1 << 20) == 0 && root.offset + root.length <= size)
    }

    @Test(
        arguments: [DiskLayout.Scheme.uefi, .hybrid],
        [401 << 20, 16 << 30, 4 << 40, (1 << 30) + 512] as [UInt64]
    )
    func `sfdisk and gdisk read back a GUID partition table`(
        scheme: DiskLayout.Scheme,
        size: UInt64
    ) throws {
        let layout = try DiskLayout(scheme, size: size, identity: identity)
        let folder = try ScratchFolder()
        let disk = folder.file("disk")
        try makeImage(try layout.tableSectors(bootCode: [0xfa]), to: disk, size: size)
        let verify = try Referee.run("sfdisk", ["--verify", disk])
        #expect(verify.output.contains("No errors detected"), "\(verify.output)")
        let gdisk = try Referee.run("sgdisk", ["-v", disk])
        #expect(gdisk.output.contains("No problems found"), "\(gdisk.output)")
        let dump = try Referee.run("sfdisk", ["-d", disk]).output.lowercased()
        for (role, kind) in [
            (PartitionRole.esp, GUIDPartitionTable.Kind.efiSystem), (.boot, .extendedBoot),
            (.swap, .linuxSwap), (.root, .linuxRootX8664),
        ] {
            let partition = try #require(layout.partition(role))
            let line = try #require(
                dump.split(separator: "\n").first {
                    $0.contains("uuid=\(partition.partitionUUID)")
                }
            )
            #expect(line.contains("start=\(String(partition.offset / 512).leftPadded(to: 12))"))
            #expect(line.contains("size=\(String(partition.length / 512).leftPadded(to: 12))"))
            #expect(line.contains("type=\(kind.rawValue)"))
            #expect(line.contains("name=\"\(partition.label.lowercased())\""))
            // What gptmbr.bin looks for.
            #expect(
                line.contains("legacybiosbootable") == (role == .boot && scheme == .hybrid),
                "\(line)"
            )
        }
        #expect(layout.partitions.last?.role == .root, "so that it can grow")
    }

    @Test func `the layouts have the same file systems, found by the same labels`() throws {
        let layouts = try DiskLayout.Scheme.allCases.map {
            try DiskLayout($0, size: 1 << 30, identity: identity)
        }
        for layout in layouts {
            #expect(layout.fileSystemTable == layouts[0].fileSystemTable)
            for role in [PartitionRole.boot, .swap, .root] {
                #expect(layout.partition(role)?.content == layouts[0].partition(role)?.content)
            }
            #expect((layout.partition(.esp) != nil) == layout.scheme.startsFromUEFI)
        }
    }

    @Test func `a layout is known by its partitions, whatever their identifiers`() throws {
        let other = DiskIdentity(seed: "another disk")
        func head(_ scheme: DiskLayout.Scheme, _ size: UInt64) throws -> [UInt8] {
            var head = [UInt8](repeating: 0, count: DiskLayout.headLength)
            let sectors = try DiskLayout(scheme, size: size, identity: other)
                .tableSectors(bootCode: [0xfa])
            for piece in sectors where piece.offset < UInt64(head.count) {
                head.put(piece.bytes, at: Int(piece.offset))
            }
            return head
        }
        for scheme in DiskLayout.Scheme.allCases {
            let layout = try DiskLayout(scheme, size: 1 << 30, identity: identity)
            for found in DiskLayout.Scheme.allCases {
                #expect(layout.isFound(in: try head(found, 1 << 30)) == (found == scheme))
            }
            #expect(layout.isFound(in: try head(scheme, 2 << 30)), "the root has grown")
            #expect(!layout.isFound(in: [UInt8](repeating: 0, count: DiskLayout.headLength)))
            #expect(!layout.isFound(in: []))
            // A partition elsewhere, one more, another end.
            for at in scheme == .bios
                ? [454, 446 + 48 + 4, 458] : [1024 + 32, 1024 + 512, 1024 + 41]
            {
                var damaged = try head(scheme, 1 << 30)
                damaged[at] ^= 1
                #expect(!layout.isFound(in: damaged), "\(scheme) \(at)")
            }
        }
    }

    @Test func `what does not fit is refused`() {
        #expect(throws: DiskLayout.Problem.self) {
            try DiskLayout(.bios, size: 300 << 20, identity: identity)
        }
        #expect(throws: DiskLayout.Problem.diskTooSmall(.hybrid, size: 393 << 20, least: 394 << 20))
        {
            try DiskLayout(.hybrid, size: 393 << 20, identity: identity)
        }
        #expect(throws: DiskLayout.Problem.notWholeSectors(size: (1 << 30) + 1)) {
            try DiskLayout(.bios, size: (1 << 30) + 1, identity: identity)
        }
        #expect(throws: DiskLayout.Problem.tooLargeForMBR(size: 4 << 40)) {
            try DiskLayout(.bios, size: 4 << 40, identity: identity)
        }
        #expect(throws: DiskLayout.Problem.bootCodeTooLong(bytes: 441)) {
            try DiskLayout(.bios, size: 1 << 30, identity: identity)
                .tableSectors(bootCode: [UInt8](repeating: 1, count: 441))
        }
    }

    @Test func `blkid knows the swap area`() throws {
        let folder = try ScratchFolder()
        let uuid = identity.uuid("swap")
        let header = SwapArea.header(length: 64 << 20, label: "gnostree-swap", uuid: uuid)
        try makeImage(
            [DiskWrite(offset: 0, bytes: header)],
            to: folder.file("swap"),
            size: 64 << 20
        )
        let found = try Referee.run("blkid", ["-p", folder.file("swap")]).output
        #expect(found.contains("LABEL=\"gnostree-swap\""))
        #expect(found.contains("UUID=\"\(uuid)\""))
        #expect(found.contains("TYPE=\"swap\""))
    }

    @Test(arguments: [PartitionRole.boot, .root])
    func `mke2fs makes the features of the table and no others`(role: PartitionRole) throws {
        let layout = try DiskLayout(.bios, size: 1 << 30, identity: identity)
        let partition = try #require(layout.partition(role))
        let folder = try ScratchFolder()
        let image = folder.file("fs")
        try makeImage([], to: image, size: partition.length)
        let made = try Referee.run("mke2fs", try #require(partition.mke2fsArguments) + [image])
        #expect(made.status == 0, "\(made.output)")
        let dump = try Referee.run("dumpe2fs", ["-h", image]).output
        let line = try #require(
            dump.split(separator: "\n").first { $0.hasPrefix("Filesystem features:") }
        )
        let wanted = role == .boot ? Ext4Parameters.bootFeatures : Ext4Parameters.rootFeatures
        #expect(
            Set(line.split(separator: " ").dropFirst(2).map(String.init))
                == Set(wanted.map(\.rawValue))
        )
        #expect(dump.contains(identity.uuid("filesystem \(role.rawValue)").description))
        #expect(dump.contains("Filesystem volume name:   gnostree-\(role.rawValue)"))
    }
}

extension String {
    fileprivate func leftPadded(to width: Int) -> String {
        String(repeating: " ", count: max(0, width - count)) + self
    }
}

/// A sparse file of `size` bytes with some of them written.
func makeImage(_ writes: [DiskWrite], to path: String, size: UInt64) throws {
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    try handle.truncate(atOffset: size)
    for part in writes {
        try handle.seek(toOffset: part.offset)
        try handle.write(contentsOf: part.bytes)
    }
    try handle.close()
}
