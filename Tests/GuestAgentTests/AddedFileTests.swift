import CLinux
import GuestProtocol
import SystemIO
import SystemPackage
import TestSupport
import Testing

@testable import GuestAgent

@Suite struct AddedFileTests {
    private func file(_ path: String, _ content: AddedFile.Content, mode: UInt32 = 0o644)
        -> AddedFile
    {
        AddedFile(path: path, mode: mode, uid: getuid(), gid: getgid(), content: content)
    }

    @Test func filesAppearWithTheFoldersThatTheyNeed() throws {
        let folder = try ScratchFolder()
        try AddFiles(
            root: folder.path,
            files: [
                file("a/b/f", .file([1]), mode: 0o4750), file("a/b/f", .append([2, 3])),
                file("a/l", .symlink(target: "b")), file("a", .directory, mode: 0o711),
            ]
        ).perform()
        #expect(try readFile(FilePath(folder.file("a/b/f"))) == [1, 2, 3])
        #expect(try FileStatus(FilePath(folder.file("a"))).permissions == 0o711)
        #expect(try FileStatus(FilePath(folder.file("a/b"))).permissions == 0o755)
        #expect(try symlinkTarget(FilePath(folder.file("a/l"))) == "b")
        #expect(try directoryNames(FilePath(folder.file("a/b"))) == ["f"])
    }

    /// Only root may set this attribute, on a file system that keeps it.
    @Test(.enabled(if: getuid() == 0)) func whatIsMadeIsLabelled() throws {
        let folder = try ScratchFolder()
        try folder.write("old/x", "")
        func labelled(_ path: String, _ content: AddedFile.Content) -> AddedFile {
            var file = file(path, content)
            file.labels = path.split(separator: "/").map { "label_\($0)" }
            return file
        }
        var skipping = labelled("bare/none", .file([]))
        skipping.labels = ["", ""]
        try AddFiles(
            root: folder.path,
            files: [
                labelled("old/new/f", .file([1])), labelled("old/l", .symlink(target: "new")),
                labelled("old/d", .directory), skipping,
            ]
        ).perform()
        func label(_ path: String) throws -> [UInt8] {
            let name = Array("security.selinux".utf8)
            return try ExtendedAttributes.value(of: name, at: FilePath(folder.file(path)))
        }
        for name in ["new", "new/f", "l", "d"] {
            let last = name.split(separator: "/").last ?? ""
            #expect(try label("old/" + name) == Array("label_\(last)".utf8) + [0])
        }
        for name in ["old", "old/x", "bare", "bare/none"] {
            #expect(throws: Errno.noData, "\(name)") { try label(name) }
        }
    }

    @Test func aHardLinkOfTheRepositoryIsNotWritten() throws {
        let folder = try ScratchFolder()
        try folder.write("object", "kept")
        try folder.write("etc/x", "")
        let (object, name) = (FilePath(folder.file("object")), folder.file("etc/f"))
        try syscall { link(object.string, name) }
        try AddFiles(root: folder.path, files: [file("etc/f", .file([7]))]).perform()
        #expect(try readFile(object) == Array("kept".utf8))
        #expect(try readFile(FilePath(name)) == [7])
    }

    @Test("no link is followed", arguments: ["link/f", "link", "dir/link/f"])
    func noLinkIsFollowed(path: String) throws {
        let folder = try ScratchFolder()
        try folder.write("outside/f", "kept")
        try folder.write("root/dir/x", "")
        try folder.link("root/link", to: "../outside")
        try folder.link("root/dir/link", to: "../../outside")
        let add = AddFiles(root: folder.file("root"), files: [file(path, .file([1]))])
        if path == "link" {
            try add.perform()
            #expect(try FileStatus(FilePath(folder.file("root/link"))).kind == .regular)
        } else {
            #expect(throws: Failure.self) { try add.perform() }
        }
        #expect(try readFile(FilePath(folder.file("outside/f"))) == Array("kept".utf8))
        #expect(try directoryNames(FilePath(folder.file("outside"))) == ["f"])
    }

    @Test("what is no path below the root", arguments: ["", "..", "a/../../b", "."])
    func badPaths(path: String) throws {
        let folder = try ScratchFolder()
        let failure = #expect(throws: Failure.self) {
            try AddFiles(root: folder.path, files: [file(path, .file([1]))]).perform()
        }
        #expect(failure?.errno == EINVAL)
    }

    @Test func aFolderIsNotReplacedByAFile() throws {
        let folder = try ScratchFolder()
        try folder.write("d/f", "kept")
        let failure = #expect(throws: Failure.self) {
            try AddFiles(root: folder.path, files: [file("d", .file([1]))]).perform()
        }
        #expect(failure?.subject == folder.file("d"))
        #expect(try readFile(FilePath(folder.file("d/f"))) == Array("kept".utf8))
        #expect(try directoryNames(FilePath(folder.path)) == ["d"])
    }
}
