import CLinux
import Foundation
import NinePConformance
import SystemIO
import SystemPackage
import TestSupport
import Testing

/// Whose files `--listen unix:PATH` may touch.
extension NinePServeTests {
    @Suite struct UnixSocketTests {
        private let folder: ScratchFolder
        private var socket: String { folder.file("9p.sock") }
        private var export: [String] { ["--export", "tree=\(folder.file("tree"))"] }

        init() throws {
            folder = try ScratchFolder()
            try folder.write("tree/a.txt", "hello")
        }

        private func kind(_ path: String) -> FileStatus.Kind? {
            try? FileStatus(FilePath(path), followingLinks: false).kind
        }

        @Test(arguments: ["file", "folder", "link", "fifo"])
        func whatIsNoSocketIsLeftAsItIs(_ what: String) throws {
            try folder.write("target", "precious")
            switch what {
            case "file": try folder.write("9p.sock", "precious")
            case "folder": try folder.makeDirectory("9p.sock")
            case "link": try folder.link("9p.sock", to: folder.file("target"))
            default: try #require(mkfifo(socket, 0o600) == 0)
            }
            let before = try FileStatus(FilePath(socket), followingLinks: false)
            let result = try Serve.run(export + ["--listen", "unix:\(socket)"])
            #expect(result.status == 3, "\(result.errors)")
            let noun = [
                "file": "a file", "folder": "a folder", "link": "a symbolic link",
                "fifo": "a device or FIFO",
            ]
            #expect(
                result.errors.contains("\(socket) is \(noun[what] ?? ""), not a socket"),
                "\(result.errors)"
            )
            #expect(result.errors.contains("Give another path"), "\(result.errors)")
            #expect(try FileStatus(FilePath(socket), followingLinks: false) == before)
            #expect(try readFile(FilePath(folder.file("target"))) == Array("precious".utf8))
        }

        @Test func aDeadServersSocketIsReplaced() throws {
            let dead = try Serve(export, listen: ["unix:\(socket)"])
            dead.end(SIGKILL)
            #expect(kind(socket) == .socket)
            let next = try Serve(export, listen: ["unix:\(socket)"])
            #expect(try contents(attached(socket), "a.txt") == "hello")
            next.end()
            #expect(kind(socket) == nil)
        }

        @Test func aLiveServersSocketIsLeft() throws {
            let first = try Serve(export, listen: ["unix:\(socket)"])
            let result = try Serve.run(export + ["--listen", "unix:\(socket)"])
            #expect(result.status == 3)
            #expect(result.errors.contains("a server listens on \(socket) already"))
            #expect(try contents(attached(socket), "a.txt") == "hello")
            first.end()
        }

        @Test(arguments: ["unix", "vhost-user"])
        func anothersFileOfTheSameNameIsNotRemovedAtTheEnd(_ sort: String) throws {
            let server = try Serve(export, listen: ["\(sort):\(socket)"])
            try removeFile(FilePath(socket))
            // Another socket, as a second server would have put there.
            let other = try UnixSocket.listen(at: FilePath(socket))
            #expect(server.end().status == 0)
            #expect(kind(socket) == .socket)
            _ = consume other
            try removeFile(FilePath(socket))
            let next = try Serve(export, listen: ["\(sort):\(socket)"])
            try removeFile(FilePath(socket))
            try folder.write("9p.sock", "precious")
            #expect(next.end().status == 0)
            #expect(try readFile(FilePath(socket)) == Array("precious".utf8))
        }

        /// Of several listeners the second fails.
        @Test(arguments: ["unix", "vhost-user"])
        func noSocketStaysWhenALaterListenerFails(_ sort: String) throws {
            let result = try Serve.run(
                export + ["--listen", "\(sort):\(socket)", "--listen", "tcp:no-number:564"]
            )
            #expect(result.status == 3, "\(result.errors)")
            #expect(result.errors.contains("\"no-number\" is no numeric IPv4 or IPv6 address"))
            #expect(kind(socket) == nil)
        }

        @Test func onlyTheOwnerMayConnect() throws {
            let server = try Serve(export, listen: ["unix:\(socket)"])
            #expect(try FileStatus(FilePath(socket)).permissions == 0o600)
            server.end()
        }

        @Test func aPathThatIsTooLongIsSaid() throws {
            let path = folder.file(String(repeating: "n", count: 100))
            let result = try Serve.run(export + ["--listen", "unix:\(path)"])
            #expect(result.status == 3)
            #expect(result.errors.contains("at most 107 bytes"), "\(result.errors)")
        }
    }
}
