import Foundation
import TestSupport
import Testing

@testable import DiskImage

@Suite struct Ext4ContentTests {
    private func image(
        size: UInt64 = 64 << 20,
        features: Set<Ext4Feature> = Ext4Parameters.rootFeatures,
        _ build: (inout FileTree) throws -> Void
    ) throws -> (scratch: ScratchFolder, path: String, fs: Ext4FileSystem) {
        let scratch = try ScratchFolder()
        var tree = FileTree(root: folder)
        try build(&tree)
        let fs = try Ext4FileSystem(
            tree: tree,
            parameters: Ext4Tests.parameters(features),
            length: size,
            created: 1_600_000_000
        )
        var image = try RawImage(scratch.file("fs"), size: size)
        try fs.writeMetadata(to: &image, base: 0)
        for index in 0..<tree.nodeCount {
            let node = FileTree.NodeID(index: index)
            for run in fs.dataRuns(of: node) {
                let bytes = contents(node, from: run.fileOffset, count: Int(run.length))
                try image.write(bytes, at: run.offset)
            }
        }
        try image.handle.close()
        return (scratch, scratch.file("fs"), fs)
    }

    private func debugfs(_ path: String, _ request: String) throws -> String {
        try Referee.run("debugfs", ["-R", request, path]).output
    }

    @Test(arguments: [0, 1, 4095, 4096, 4097, 3_000_000])
    func `contents are where debugfs looks for them`(size: Int) throws {
        let made = try image { tree in
            _ = try tree.addFile("before".utf8, in: FileTree.root, plain, size: 5000)
            _ = try tree.addFile("file".utf8, in: FileTree.root, plain, size: UInt64(size))
        }
        let out = made.scratch.file("out")
        _ = try debugfs(made.path, "dump /file \(out)")
        let read = try Data(contentsOf: URL(fileURLWithPath: out))
        let runs = made.fs.dataRuns(of: FileTree.NodeID(index: 2))
        #expect(runs.reduce(0) { $0 + $1.length } == UInt64(size))
        #expect(read.count == size)
        if size > 0 {
            #expect([UInt8](read) == contents(FileTree.NodeID(index: 2), from: 0, count: size))
        }
    }

    @Test func `holes stay holes`() throws {
        let made = try image { tree in
            _ = try tree.addFile(
                "sparse".utf8,
                in: FileTree.root,
                plain,
                size: 1 << 30,
                dataRanges: [4096..<8192, (1 << 29)..<((1 << 29) + 10)]
            )
        }
        let blocks = try debugfs(made.path, "blocks /sparse").split(separator: "\n").last ?? ""
        #expect(blocks.split(separator: " ").count == 2)
        #expect(try debugfs(made.path, "stat /sparse").contains("Size: 1073741824"))
    }

    @Test func `attributes, times, owners and links are as given`() throws {
        let made = try image { tree in
            var attributes = FileTree.Attributes(
                permissions: 0o4711,
                uid: 3_000_000_000,
                gid: 70_000,
                modified: 5_000_000_000
            )
            attributes.xattrs = tree.xattrSet([
                FileTree.Xattr(name: Array("user.k".utf8), value: Array("value".utf8)),
                FileTree.Xattr(
                    name: Array("user.long".utf8),
                    value: [UInt8](repeating: 65, count: 999)
                ),
                FileTree.Xattr(name: Array("user.none".utf8), value: []),
            ])
            let file = try tree.addFile("f".utf8, in: FileTree.root, attributes, size: 1)
            try tree.link(file, as: "g".utf8, in: FileTree.root)
            attributes.immutable = true
            _ = try tree.addDirectory("d".utf8, in: FileTree.root, attributes)
            _ = try tree.addSymlink("s".utf8, in: FileTree.root, plain, target: "a/b".utf8)
            _ = try tree.addSpecial(
                "c".utf8,
                in: FileTree.root,
                plain,
                kind: .characterDevice,
                major: 300,
                minor: 1000
            )
        }
        let file = try debugfs(made.path, "stat /f")
        #expect(file.contains("Mode:  04711") && file.contains("Links: 2"))
        #expect(file.contains("User: -1294967296") || file.contains("User: 3000000000"))
        #expect(file.contains("Group: 70000") || file.contains("Group:  70000"))
        #expect(file.contains("mtime: 0x2a05f200:00000001"), "\(file)")
        #expect(try debugfs(made.path, "ea_get /f user.k").contains("user.k (5) = \"value\""))
        #expect(try debugfs(made.path, "ea_get /f user.long").contains("user.long (999)"))
        #expect(try debugfs(made.path, "ea_get /f user.none").contains("user.none (0)"))
        #expect(try debugfs(made.path, "stat /d").contains("Flags: 0x80010"))
        #expect(try debugfs(made.path, "stat /s").contains("Fast link dest: \"a/b\""))
        #expect(try debugfs(made.path, "stat /c").contains("Device major/minor number: 300:1000"))
    }

    @Test func `names come back as they were`() throws {
        var tree = FileTree(root: folder)
        let digits = String(repeating: "0123456789abcdef", count: 4)
        let names = [
            "a", "abcdef", digits, digits + ".file", String(digits.dropLast()), digits + "é",
            digits.uppercased(), "0123456789abcdefX", "0123456789abcde", "." + digits,
            String(repeating: "f", count: 255), String(repeating: "ab", count: 127) + "-",
        ]
        for name in names {
            _ = try tree.addFile(name.utf8, in: FileTree.root, plain, size: 0)
        }
        var found: [String] = []
        tree.forEachEntry(of: FileTree.root) {
            found.append(String(decoding: tree.name($0), as: UTF8.self))
        }
        #expect(found == names)
    }

    @Test func `names in an index are found by their hash`() throws {
        let made = try image { tree in
            for i in 0..<3000 {
                _ = try tree.addFile("näme-\(i)".utf8, in: FileTree.root, plain, size: 0)
            }
        }
        // e2fsck -D would rebuild it; -fn says whether every name is in the leaf of its hash.
        #expect(try Referee.run("e2fsck", ["-fn", made.path]).status == 0)
        #expect(try debugfs(made.path, "stat /").contains("Flags: 0x81000"))
        for i in stride(from: 0, to: 3000, by: 611) {
            #expect(try debugfs(made.path, "stat /näme-\(i)").contains("Inode: \(12 + i) "))
        }
    }

    @Test func `the referee sees damage`() throws {
        let made = try image { tree in
            _ = try tree.addFile("file".utf8, in: FileTree.root, plain, size: 5000)
        }
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: made.path))
        let table = made.fs.inodeTables[0] * 4096
        try handle.seek(toOffset: table + 256 * 11 + 4)
        try handle.write(contentsOf: [0x11])
        try handle.close()
        #expect(try Referee.run("e2fsck", ["-fn", made.path]).status != 0)
    }

    @Test func `the last block can be used, and no more`() throws {
        func make(_ size: UInt64) throws -> Ext4FileSystem {
            var tree = FileTree(root: folder)
            _ = try tree.addFile("all".utf8, in: FileTree.root, plain, size: size)
            return try Ext4FileSystem(
                tree: tree,
                parameters: Ext4Tests.parameters(Ext4Parameters.rootFeatures),
                length: 16 << 20,
                created: 0
            )
        }
        let free = (16 << 20) - (try make(0)).usedBytes
        let full = try image(size: 16 << 20) { tree in
            _ = try tree.addFile("all".utf8, in: FileTree.root, plain, size: free)
        }
        #expect(try Referee.run("e2fsck", ["-fn", full.path]).status == 0)
        #expect(
            try Referee.run("dumpe2fs", ["-h", full.path]).output
                .contains("Free blocks:              0\n")
        )
        #expect(throws: Ext4Problem.self) { try make(free + 1) }
    }

    @Test func `what ext4 cannot hold is refused with its path`() throws {
        func problem(_ build: (inout FileTree) throws -> Void) -> Ext4Problem? {
            #expect(throws: Ext4Problem.self) { try image(build) }
        }
        #expect(
            problem { tree in
                let file = try tree.addFile("f".utf8, in: FileTree.root, plain, size: 0)
                for i in 0..<65_000 { try tree.link(file, as: "l\(i)".utf8, in: FileTree.root) }
            } == .tooManyLinks(path: "/f", count: 65_001)
        )
        #expect(
            problem { tree in
                _ = try tree.addFile("f".utf8, in: FileTree.root, plain, size: 0)
                _ = try tree.addFile("f".utf8, in: FileTree.root, plain, size: 0)
            } == .duplicateName(path: "/f")
        )
        #expect(
            problem { tree in
                _ = try tree.addSymlink(
                    "s".utf8,
                    in: FileTree.root,
                    plain,
                    target: [UInt8](repeating: 97, count: 4096)
                )
            } == .symlinkTooLong(path: "/s", bytes: 4096)
        )
        var tree = FileTree(root: folder)
        #expect(throws: FileTree.Problem.self) {
            _ = try tree.addFile(
                [UInt8](repeating: 97, count: 256),
                in: FileTree.root,
                plain,
                size: 0
            )
        }
        #expect(throws: FileTree.Problem.self) {
            _ = try tree.addFile("a/b".utf8, in: FileTree.root, plain, size: 0)
        }
    }

    /// A block has 4,096 bytes: a header of 32, a closing word, an entry of 16 and the name.
    @Test(arguments: [(4040, true), (4044, false)])
    func `an attribute fits to the byte`(size: Int, fits: Bool) throws {
        func build(_ tree: inout FileTree) throws {
            var attributes = plain
            attributes.xattrs = tree.xattrSet([
                FileTree.Xattr(
                    name: Array("user.abcd".utf8),
                    value: [UInt8](repeating: 1, count: size)
                )
            ])
            _ = try tree.addFile("x".utf8, in: FileTree.root, attributes, size: 0)
        }
        if fits {
            let made = try image(build)
            #expect(try Referee.run("e2fsck", ["-fn", made.path]).status == 0)
            #expect(try debugfs(made.path, "ea_get /x user.abcd").contains("(\(size))"))
        } else {
            #expect(throws: Ext4Problem.xattrsTooLarge(path: "/x", bytes: size)) {
                try image(build)
            }
        }
    }
}
