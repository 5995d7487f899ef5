import CLinux
import Foundation
import NinePConformance
import SystemIO
import SystemPackage
import TestSupport
import Testing

/// `--export`, and what an aname then chooses.
extension NinePServeTests {
    @Suite struct ExportTests {
        private let folder: ScratchFolder
        private var socket: String { folder.file("9p.sock") }

        init() throws {
            folder = try ScratchFolder()
            try folder.write("one/a.txt", "one")
            try folder.write("two/a.txt", "two")
        }

        private func serve(_ exports: String...) throws -> Serve {
            try Serve(exports.flatMap { ["--export", $0] }, listen: ["unix:\(socket)"])
        }

        @Test func aPathIsItsOwnName() throws {
            let path = folder.file("one")
            let server = try serve(path)
            #expect(try contents(attached(socket, path), "a.txt") == "one")
            #expect(try contents(attached(socket), "a.txt") == "one")
            server.end()
        }

        @Test func aNameEndsAtTheFirstEqualsSign() throws {
            try folder.write("a=b/a.txt", "of a=b")
            let server = try serve("x=\(folder.file("a=b"))")
            #expect(try contents(attached(socket, "x"), "a.txt") == "of a=b")
            #expect(refusal { _ = try attached(socket, "x=\(folder.file("a"))") } == ENOENT)
            server.end()
        }

        @Test func aRefBeginsBehindTheLastColon() throws {
            let repository = try SampleRepository(SampleTree.canonical)
            try folder.link("with:colon", to: repository.path)
            let server = try serve("os=ostree:\(folder.file("with:colon")):os/sample")
            let client = try attached(socket, "os")
            #expect(try contents(client, "usr", "bin", "tool") == "tool")
            #expect(try contents(client, "etc", "default", "locale") == "LANG=C\n")
            server.end()
        }

        @Test func aCommitsChecksumIsARefToo() throws {
            let repository = try SampleRepository(SampleTree.canonical)
            let server = try serve("ostree:\(repository.path):\(repository.commit)")
            #expect(try contents(attached(socket), "usr", "bin", "tool") == "tool")
            server.end()
        }

        @Test func theAttachNameChooses() throws {
            let server = try serve("first=\(folder.file("one"))", "second=\(folder.file("two"))")
            for (name, text) in [("", "one"), ("/", "one"), ("first", "one"), ("second", "two")] {
                #expect(try contents(attached(socket, name), "a.txt") == text, "\(name)")
            }
            for name in ["third", "First", "second/", folder.file("one")] {
                #expect(refusal { _ = try attached(socket, name) } == ENOENT, "\(name)")
            }
            server.end()
        }

        @Test(.enabled(if: mayAccess("/usr/sbin/diodcat", X_OK)))
        func diodsClientsChooseToo() throws {
            let server = try serve("first=\(folder.file("one"))", "second=\(folder.file("two"))")
            let read = try Referee.run("diodcat", ["-s", socket, "-a", "second", "a.txt"])
            #expect(read.output == "two")
            let list = try Referee.run("diodls", ["-s", socket, "-a", "first", "/"])
            #expect(list.output.split(separator: "\n").contains("a.txt"), "\(list.output)")
            let unknown = try Referee.run("diodcat", ["-s", socket, "-a", "third", "a.txt"])
            #expect(unknown.status != 0 && unknown.output.contains("No such file"))
            server.end()
        }

        /// The status, and what standard error has to name.
        private func expectFailure(_ export: String, _ status: Int32, _ texts: String...) throws {
            let result = try Serve.run(["--export", export, "--listen", "unix:\(socket)"])
            #expect(result.status == status, "\(result.errors)")
            for text in texts { #expect(result.errors.contains(text), "\(result.errors)") }
            #expect(!fileExists(FilePath(socket)))
        }

        @Test func whatCannotBeServedIsNamed() throws {
            let none = folder.file("none")
            try expectFailure("x=\(none)", 4, "cannot serve x", none, "No such file or directory")
            try expectFailure("x=\(folder.file("one/a.txt"))", 4, "a.txt", "Not a directory")
            try expectFailure("x=ostree:\(none):os/sample", 4, none)
            let repository = try SampleRepository(SampleTree.canonical)
            try expectFailure("x=ostree:\(repository.path):os/simple", 4, "os/simple", "os/sample")
        }

        @Test(arguments: [
            "", "=", "x=", "=/tmp", "=ostree:r:x", "x=ostree:/srv/repo", "x=ostree::r",
            "x=ostree:r:",
        ])
        func whatIsNoExportIsAMatterOfUsage(_ export: String) throws {
            try expectFailure(export, 2, "--export")
        }

        @Test func twoExportsOfOneNameAreAMatterOfUsage() throws {
            let result = try Serve.run([
                "--export", "x=\(folder.file("one"))", "--export", "x=\(folder.file("two"))",
                "--listen", "unix:\(socket)",
            ])
            #expect(result.status == 2, "\(result.errors)")
            #expect(result.errors.contains("Two exports have the name \"x\""), "\(result.errors)")
        }
    }
}
