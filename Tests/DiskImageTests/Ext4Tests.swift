import Foundation
import TestSupport
import Testing

@testable import DiskImage

/// A raw image in a file.
struct RawImage: DiskOutput {
    let handle: FileHandle

    init(_ path: String, size: UInt64) throws {
        try makeImage([], to: path, size: size)
        handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    }

    mutating func write(_ bytes: [UInt8], at offset: UInt64) throws {
        try handle.seek(toOffset: offset)
        try handle.write(contentsOf: bytes)
    }
}

/// What a generated file holds: bytes that differ from file to file.
func contents(_ node: FileTree.NodeID, from: UInt64, count: Int) -> [UInt8] {
    var state = UInt64(node.index) &* 0x9e37_79b9_7f4a_7c15 &+ from
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 56)
    }
}

struct GeneratedTree: Sendable, CustomTestStringConvertible {
    var name: String
    var size: UInt64 = 256 << 20
    var build: @Sendable (inout FileTree) throws -> Void

    var testDescription: String { name }
}

let plain = FileTree.Attributes(permissions: 0o644, uid: 1000, gid: 100, modified: 1_700_000_000)
let folder = FileTree.Attributes(permissions: 0o755)

let generatedTrees: [GeneratedTree] = [
    GeneratedTree(name: "empty") { _ in },
    GeneratedTree(name: "ten files") { tree in
        for i in 0..<10 {
            _ = try tree.addFile(
                "file\(i)".utf8,
                in: FileTree.root,
                plain,
                size: UInt64(i * 12_345)
            )
        }
        _ = try tree.addSymlink("fast".utf8, in: FileTree.root, plain, target: "file1".utf8)
        for n in [59, 60, 4095] {
            _ = try tree.addSymlink(
                "link\(n)".utf8,
                in: FileTree.root,
                plain,
                target: String(repeating: "x", count: n).utf8
            )
        }
        _ = try tree.addSpecial(
            "null".utf8,
            in: FileTree.root,
            plain,
            kind: .characterDevice,
            major: 1,
            minor: 3
        )
        _ = try tree.addSpecial(
            "big".utf8,
            in: FileTree.root,
            plain,
            kind: .blockDevice,
            major: 259,
            minor: 70_000
        )
        _ = try tree.addSpecial("pipe".utf8, in: FileTree.root, plain, kind: .fifo)
    },
    GeneratedTree(name: "many files in one directory") { tree in
        let directory = try tree.addDirectory("many".utf8, in: FileTree.root, folder)
        for i in 0..<30_000 {
            _ = try tree.addFile("some-file-number-\(i)".utf8, in: directory, plain, size: 0)
        }
    },
    GeneratedTree(name: "an index of two levels") { tree in
        let directory = try tree.addDirectory("many".utf8, in: FileTree.root, folder)
        let pad = String(repeating: "n", count: 230)
        for i in 0..<9_000 {
            _ = try tree.addFile("\(pad)\(i)".utf8, in: directory, plain, size: 0)
        }
    },
    GeneratedTree(name: "names of 255 bytes, not UTF-8") { tree in
        for i in 0..<200 {
            var name = [UInt8](repeating: 0xff, count: 255)
            name[254] = UInt8(i)
            name[0] = 0x80
            if i == 0 || i == 0x2f { continue }
            _ = try tree.addFile(name, in: FileTree.root, plain, size: 1)
        }
    },
    GeneratedTree(name: "attributes") { tree in
        for size in [0, 1, 40, 60, 100, 2000, 4020] {
            let set = tree.xattrSet([
                FileTree.Xattr(
                    name: Array("user.size\(size)".utf8),
                    value: [UInt8](repeating: 7, count: size)
                ),
                FileTree.Xattr(
                    name: Array("security.capability".utf8),
                    value: SampleTree.capability
                ),
            ])
            var attributes = plain
            attributes.xattrs = set
            for i in 0..<3 {
                _ = try tree.addFile("x\(size)-\(i)".utf8, in: FileTree.root, attributes, size: 5)
            }
        }
        var attributes = folder
        attributes.permissions = 0o6755
        attributes.xattrs = tree.xattrSet([
            FileTree.Xattr(
                name: Array("system.posix_acl_access".utf8),
                value: [2, 0, 0, 0]
                    + [1, 0, 7, 0, 255, 255, 255, 255, 2, 0, 4, 0, 232, 3, 0, 0]
                    + [4, 0, 5, 0, 255, 255, 255, 255, 16, 0, 5, 0, 255, 255, 255, 255]
                    + [32, 0, 5, 0, 255, 255, 255, 255]
            )
        ])
        _ = try tree.addDirectory("acl".utf8, in: FileTree.root, attributes)
    },
    GeneratedTree(name: "a sparse file of 5 GB", size: 512 << 20) { tree in
        _ = try tree.addFile(
            "sparse".utf8,
            in: FileTree.root,
            plain,
            size: 5 << 30,
            dataRanges: [0..<10_000, (1 << 30)..<(1 << 30) + 1, ((5 << 30) - 3)..<(5 << 30)]
        )
        _ = try tree.addFile(
            "comb".utf8,
            in: FileTree.root,
            plain,
            size: 16 << 20,
            dataRanges: (0..<1500).map { $0 * 8192..<($0 * 8192 + 100) }
        )
    },
    GeneratedTree(name: "deep nesting") { tree in
        var directory = FileTree.root
        for i in 0..<600 { directory = try tree.addDirectory("d\(i)".utf8, in: directory, folder) }
        _ = try tree.addFile("leaf".utf8, in: directory, plain, size: 3)
    },
    GeneratedTree(name: "60,000 hard links") { tree in
        let file = try tree.addFile("first".utf8, in: FileTree.root, plain, size: 77)
        let directory = try tree.addDirectory("links".utf8, in: FileTree.root, folder)
        for i in 0..<59_999 { try tree.link(file, as: "l\(i)".utf8, in: directory) }
    },
    GeneratedTree(name: "files over several groups", size: 1 << 30) { tree in
        for i in 0..<3 {
            _ = try tree.addFile(
                "large\(i)".utf8,
                in: FileTree.root,
                plain,
                size: 300 << 20,
                dataRanges: nil
            )
        }
    },
    GeneratedTree(name: "random, seed 1") { try RandomTree.build(seed: 1, &$0) },
    GeneratedTree(name: "random, seed 2") { try RandomTree.build(seed: 2, &$0) },
    GeneratedTree(name: "random, seed 3") { try RandomTree.build(seed: 3, &$0) },
]

@Suite struct Ext4Tests {
    static let identity = DiskIdentity(seed: "ext4")

    static func parameters(_ features: Set<Ext4Feature>) -> Ext4Parameters {
        Ext4Parameters(
            features: features,
            label: "test",
            uuid: identity.uuid("a"),
            hashSeed: identity.uuid("b")
        )
    }

    @Test(arguments: generatedTrees, [Ext4Parameters.rootFeatures, Ext4Parameters.bootFeatures])
    func `e2fsck finds nothing to say`(made: GeneratedTree, features: Set<Ext4Feature>) throws {
        let scratch = try ScratchFolder()
        let path = scratch.file("fs")
        var tree = FileTree(root: folder)
        try made.build(&tree)
        let fs = try Ext4FileSystem(
            tree: tree,
            parameters: Self.parameters(features),
            length: made.size,
            created: 1_600_000_000
        )
        var image = try RawImage(path, size: made.size)
        try fs.writeMetadata(to: &image, base: 0)
        let check = try Referee.run("e2fsck", ["-fn", path])
        #expect(check.status == 0, "\(check.output.prefix(3000))")
        #expect(!check.output.contains("IGNORED"))
        let dump = try Referee.run("dumpe2fs", [path])
        #expect(dump.status == 0 && !dump.output.lowercased().contains("invalid"))
    }
}
