import Checksums
import Foundation
import TestSupport
import Testing

@testable import DiskImage

/// The last judge of a file system: the kernel mounts what we wrote, and must see exactly the tree that it
/// was made from; then it writes to it, and e2fsck must still find nothing to say.
@Suite(.enabled(if: UserModeLinux.isInstalled, "linux.uml is not installed"))
struct KernelTests {
    private static let scripts =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path + "/scripts"

    @Test func `the kernel sees the tree that was written, and can use it`() throws {
        let scratch = try ScratchFolder()
        var images: [WrittenImage] = []
        for (number, made) in generatedTrees.enumerated() {
            images.append(
                try WrittenImage(
                    made,
                    features: number.isMultiple(of: 2)
                        ? Ext4Parameters.rootFeatures : Ext4Parameters.bootFeatures,
                    at: scratch.file("image-\(number)")
                )
            )
        }
        var script = ""
        for number in images.indices {
            let device = "/dev/ubd" + String(UnicodeScalar(UInt8(ascii: "a") + UInt8(number)))
            script += """
                mkdir /mnt/\(number)
                mount -t ext4 -o ro \(device) /mnt/\(number)
                /usr/bin/python3 \(Self.scripts)/kernel-listing /mnt/\(number) >\(scratch.file("listing-\(number)"))
                umount /mnt/\(number)
                mount -t ext4 \(device) /mnt/\(number)
                /usr/bin/python3 \(Self.scripts)/kernel-exercise /mnt/\(number)
                umount /mnt/\(number)

                """
        }
        let said = try UserModeLinux.run(script, disks: images.map(\.path), in: scratch)
        try #require(said.hasSuffix("status 0\n"), "\(said)")
        for (number, image) in images.enumerated() {
            let listing = try String(
                contentsOfFile: scratch.file("listing-\(number)"),
                encoding: .utf8
            )
            Self.compare(listing, image.expectedListing, image.name)
            let check = try Referee.run("e2fsck", ["-fn", image.path])
            #expect(check.status == 0, "\(image.name), after use: \(check.output.prefix(2000))")
        }
    }

    @Test func `a mounted file system grows by resize2fs`() throws {
        let scratch = try ScratchFolder()
        let tree = GeneratedTree(name: "random") { try RandomTree.build(seed: 99, &$0) }
        let image = try WrittenImage(
            tree,
            features: Ext4Parameters.rootFeatures,
            at: scratch.file("image")
        )
        try #require(truncate(image.path, 9 << 30) == 0)
        let said = try UserModeLinux.run(
            """
            mount -t ext4 /dev/ubda /mnt
            resize2fs /dev/ubda
            /usr/bin/python3 \(Self.scripts)/kernel-listing /mnt >\(scratch.file("listing"))
            df -B1M --output=size /mnt
            dd if=/dev/zero of=/mnt/large bs=1M count=400 status=none
            umount /mnt
            """,
            disks: [image.path],
            in: scratch
        )
        try #require(said.hasSuffix("status 0\n"), "\(said)")
        let size = said.split(separator: "\n").compactMap {
            Int($0.trimmingCharacters(in: .whitespaces))
        }
        #expect(size.contains { $0 > 8600 }, "\(said)")
        let listing = try String(contentsOfFile: scratch.file("listing"), encoding: .utf8)
        Self.compare(listing, image.expectedListing, "grown")
        let check = try Referee.run("e2fsck", ["-fn", image.path])
        #expect(check.status == 0, "\(check.output.prefix(2000))")
    }

    private static func compare(_ listing: String, _ expected: [String], _ name: String) {
        let found = listing.split(separator: "\n").map(String.init)
        let missing = Set(expected).subtracting(found).sorted()
        let surplus = Set(found).subtracting(expected).sorted()
        #expect(found.count == expected.count, "\(name)")
        #expect(
            missing.isEmpty && surplus.isEmpty,
            """
            \(name): \(missing.count) lines differ
            expected \(missing.first?.prefix(600) ?? "")
            found    \(surplus.first?.prefix(600) ?? "")
            """
        )
    }
}

/// A tree written to a file with contents, and what `scripts/kernel-listing` is to say of it.
struct WrittenImage {
    let name: String
    let path: String
    let expectedListing: [String]

    /// More is left zero: a test is not to write gigabytes.
    private static let writtenSize: UInt64 = 4 << 20

    init(_ made: GeneratedTree, features: Set<Ext4Feature>, at path: String) throws {
        name = made.name
        self.path = path
        var tree = FileTree(root: folder)
        try made.build(&tree)
        let fs = try Ext4FileSystem(
            tree: tree,
            parameters: Ext4Tests.parameters(features),
            length: made.size,
            created: 1_600_000_000
        )
        var image = try RawImage(path, size: made.size)
        try fs.writeMetadata(to: &image, base: 0)
        var listing = ExpectedListing(tree: tree, created: 1_600_000_000)
        for index in 0..<tree.nodeCount {
            let runs = fs.dataRuns(of: FileTree.NodeID(index: index))
            let isWritten = runs.reduce(0) { $0 + $1.length } <= Self.writtenSize
            var data: [UInt8] = []
            for run in runs where isWritten {
                let node = FileTree.NodeID(index: index)
                let bytes = contents(node, from: run.fileOffset, count: Int(run.length))
                try image.write(bytes, at: run.offset)
                data += bytes
            }
            listing.data[index] = ExpectedListing.describe(runs, data)
        }
        try image.handle.close()
        expectedListing = listing.lines()
    }
}

/// The lines of `scripts/kernel-listing`, from the tree itself.
struct ExpectedListing {
    let tree: FileTree
    let created: Int64
    /// By node: its ranges and their checksum.
    var data: [Int: String] = [:]

    static func describe(_ runs: [DataRun], _ data: [UInt8]) -> String {
        var ranges: [Range<UInt64>] = []
        for run in runs {
            let end = run.fileOffset + run.length
            if let last = ranges.last, last.upperBound == run.fileOffset {
                ranges[ranges.count - 1] = last.lowerBound..<end
            } else {
                ranges.append(run.fileOffset..<end)
            }
        }
        let sum =
            data.allSatisfy { $0 == 0 }
            ? "zeros" : hex(withUnsafeBytes(of: CRC32.checksum(data).bigEndian) { Array($0) })
        return ranges.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",") + ":" + sum
    }

    func lines() -> [String] {
        var paths: [(path: [UInt8], node: Int)] = [([], 0)]
        var next = 0
        while next < paths.count {
            let (path, node) = paths[next]
            next += 1
            guard tree.nodes[node].kind == .directory else { continue }
            tree.forEachEntry(of: FileTree.NodeID(index: node)) { entry in
                paths.append((path + [UInt8(ascii: "/")] + tree.name(entry), Int(entry.node)))
            }
        }
        var first: [Int: [UInt8]] = [:]
        for (path, node) in paths {
            if first[node].map({ path.lexicographicallyPrecedes($0) }) ?? true {
                first[node] = path
            }
        }
        let own = Self.hex(Array("/lost+found".utf8))
        return paths.map { line($0.path, $0.node, first[$0.node] ?? []) }
            + ["\(own)\t40700\t0\t0\t2\t\(created)\t0\t\(own)\t0\t\t\t"]
    }

    private func line(_ path: [UInt8], _ index: Int, _ first: [UInt8]) -> String {
        let node = tree.nodes[index]
        var links = Int(node.links)
        if index == 0 { links += 1 }
        let isLink = node.kind == .symlink
        let size = node.kind == .directory ? 0 : node.size
        let flags = node.kind == .file || node.kind == .directory ? node.immutable : false
        let xattrs = tree.xattrSets[Int(node.xattrs.index)]
            .map { "\(String(decoding: $0.name, as: UTF8.self))=\(Self.hex($0.value))" }
        let fields: [String] = [
            path.isEmpty ? "/" : Self.hex(path), String(node.mode, radix: 8), "\(node.uid)",
            "\(node.gid)", "\(links > 65_000 ? 1 : links)", "\(node.modified)", "\(size)",
            first.isEmpty ? "/" : Self.hex(first), flags ? "1" : "0",
            isLink ? Self.hex(Array(tree.target(node))) : "", xattrs.joined(separator: " "),
            node.kind == .file ? data[index] ?? "" : "",
        ]
        return fields.joined(separator: "\t")
    }

    static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            as: UTF8.self
        )
    }
}
