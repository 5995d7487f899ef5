import CLinux
import GuestProtocol
import SystemIO
import SystemPackage
import TestSupport
import Testing

@testable import GuestAgent

@Suite struct EntryTests {
    @Test func entriesGetTheirModeWhateverTheUmask() throws {
        let folder = try ScratchFolder()
        let entries: [NewEntry] = [
            .directory(folder.file("d"), mode: 0o1777),
            .file(folder.file("d/f"), mode: 0o4755, "x"),
            .symlink(folder.file("d/l"), to: "nowhere"), .directory(folder.file("d"), mode: 0o700),
            .file(folder.file("d/f"), mode: 0o600, ""),
        ]
        for entry in entries.prefix(3) { try entry.perform() }
        #expect(try FileStatus(FilePath(folder.file("d"))).permissions == 0o1777)
        #expect(try FileStatus(FilePath(folder.file("d/f"))).permissions == 0o4755)
        for entry in entries.suffix(2) { try entry.perform() }
        #expect(try FileStatus(FilePath(folder.file("d"))).permissions == 0o700)
        #expect(try FileStatus(FilePath(folder.file("d/f"))).size == 0)
        #expect(try symlinkTarget(FilePath(folder.file("d/l"))) == "nowhere")
    }

    @Test func aLinkIsNotWrittenThrough() throws {
        let folder = try ScratchFolder()
        try folder.write("target", "kept")
        try folder.link("link", to: "target")
        #expect(throws: Failure.self) { try NewEntry.file(folder.file("link"), "new").perform() }
        #expect(throws: Failure.self) { try NewEntry.directory(folder.file("link")).perform() }
        #expect(try readFile(FilePath(folder.file("target"))) == Array("kept".utf8))
    }

    @Test func missingParentIsNamed() throws {
        let folder = try ScratchFolder()
        let failure = #expect(throws: Failure.self) {
            try NewEntry.file(folder.file("a/b"), "").perform()
        }
        #expect(failure?.errno == ENOENT)
        #expect(failure?.subject == folder.file("a/b"))
    }

    @Test func treeIsListedInByteOrder() throws {
        let folder = try ScratchFolder()
        try folder.write("b/inner", "12345")
        try folder.write("a.txt", "")
        try folder.link("a", to: "b")
        #expect(link(folder.file("b/inner"), folder.file("c")) == 0)
        #expect(mkdir(folder.path + "/z\u{E9}", 0o750) == 0)
        let odd: [CChar] = (folder.path + "/y").utf8.map { CChar(bitPattern: $0) } + [-1, 0]
        close(creat(odd, 0o600))
        _ = setxattr(folder.file("c"), "user.k", "v", 1, 0)

        var listed: [TreeEntry] = []
        let count = try TreeLister(root: folder.path, readsContent: true) { listed += $0 }.run()
        #expect(count == UInt64(listed.count))
        let paths = listed.map(\.path)
        #expect(
            paths == [
                [], Array("a".utf8), Array("a.txt".utf8), Array("b".utf8),
                Array("b/inner".utf8), Array("c".utf8), [UInt8(ascii: "y"), 0xFF],
                Array("z\u{E9}".utf8),
            ]
        )
        #expect(listed[1].linkTarget == Array("b".utf8))
        #expect(listed[4].inode == listed[5].inode && listed[5].linkCount == 2)
        #expect(listed[5].size == 5 && listed[5].mode == 0o100644)
        #expect(listed[5].attributes == [.init(name: Array("user.k".utf8), value: [0x76])])
        #expect(listed[7].mode & 0o170000 == 0o040000)
        #expect(listed.map(\.contentChecksum.count) == [0, 0, 32, 0, 32, 32, 32, 0])
        #expect(listed[4].contentChecksum == listed[5].contentChecksum)
    }

    @Test func listingOfNothingFails() {
        let failure = #expect(throws: Failure.self) {
            try TreeLister(root: "/nowhere", readsContent: true) { _ in }.run()
        }
        #expect(failure?.errno == ENOENT)
    }
}
