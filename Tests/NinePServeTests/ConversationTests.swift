import CLinux
import Foundation
import NinePConformance
import SystemIO
import SystemPackage
import TestSupport
import Testing

/// What the server says of a conversation, and how it ends.
extension NinePServeTests {
    @Suite struct ConversationTests {
        private let folder: ScratchFolder
        private var socket: String { folder.file("9p.sock") }

        init() throws {
            folder = try ScratchFolder()
            try folder.write("tree/a.txt", "hello")
        }

        private func serve(_ options: String...) throws -> Serve {
            try Serve(
                ["--export", "tree=\(folder.file("tree"))"] + options,
                listen: ["unix:\(socket)"]
            )
        }

        /// The lines that begin with the client's name, without it.
        private func trace(_ server: Serve) -> [String] {
            server.errors.split(separator: "\n").filter { $0.hasPrefix("unix:\(socket)#1 ") }
                .map { String($0.dropFirst("unix:\(socket)#1 ".count)) }
        }

        @Test func traceShowsEveryMessage() throws {
            let server = try serve("--trace")
            do {
                let client = try attached(socket, "tree")
                try client.walk(0, 1, "a.txt")
                _ = try client.getattr(1)
                try client.open(1)
                #expect(try client.read(1, at: 0, count: 100) == Array("hello".utf8))
                try client.clunk(1)
                try client.walk(0, 2)
                try client.open(2)
                #expect(try client.list(2).count == 3)
                #expect(refusal { try client.walk(0, 3, "none") } == ENOENT)
            }
            let uid = geteuid()
            // A qid's numbers are the host's.
            let qid = #"\((.) [0-9a-f]+ v[0-9]+\)"#
            let time = #"[0-9]+\.[0-9]{9}"#
            let expected = [
                #"-> Tversion tag 1 msize 65536 version "9P2000.L""#,
                #"<- Rversion tag 1 msize 65536 version "9P2000.L""#,
                "-> Tattach tag 2 fid 0 afid 4294967295 uname \"\" aname \"tree\" uid \(uid)",
                "<- Rattach tag 2 \(qid)",
                #"-> Twalk tag 3 fid 0 newfid 1 "a.txt""#,
                "<- Rwalk tag 3 \(qid)",
                "-> Tgetattr tag 4 fid 1 mask 0x17ff",
                "<- Rgetattr tag 4 valid 0x7ff \(qid) mode 0100644 uid \(uid) gid [0-9]+ nlink 1 "
                    + "rdev 0x[0-9a-f]+ size 5 blksize [0-9]+ blocks [0-9]+ "
                    + "atime \(time) mtime \(time) ctime \(time)",
                "-> Tlopen tag 5 fid 1 flags 00",
                "<- Rlopen tag 5 \(qid) iounit 0",
                "-> Tread tag 6 fid 1 offset 0 count 100",
                "<- Rread tag 6 count 5 \"hello\"",
                "-> Tclunk tag 7 fid 1",
                "<- Rclunk tag 7",
                "-> Twalk tag 8 fid 0 newfid 2",
                "<- Rwalk tag 8",
                "-> Tlopen tag 9 fid 2 flags 00",
                "<- Rlopen tag 9 \(qid) iounit 0",
                "-> Treaddir tag 10 fid 2 offset 0 count 8192",
                "<- Rreaddir tag 10 count 80( \"[a.tx]+\" \(qid) cookie [0-9]+){3}",
                "-> Treaddir tag 11 fid 2 offset [0-9]+ count 8192",
                "<- Rreaddir tag 11 count 0",
                #"-> Twalk tag 12 fid 0 newfid 3 "none""#,
                "<- Rlerror tag 12 errno 2",
            ]
            #expect(eventually { trace(server).count >= expected.count })
            let lines = trace(server)
            #expect(lines.count == expected.count, "\(lines)")
            for (line, pattern) in zip(lines, expected) {
                let isEqual = line.range(of: "^\(pattern)$", options: .regularExpression) != nil
                #expect(isEqual, "\(line), not \(pattern)")
            }
            server.end()
        }

        /// The rows of the last table: name, count and errors.
        private func table(_ text: String) -> [[Substring]] {
            let parts = text.components(separatedBy: "message            count   errors")
            return parts.count < 2
                ? []
                : parts[parts.count - 1].split(separator: "\n").dropFirst()
                    .map { $0.split(separator: " ").prefix(3) }.map(Array.init)
        }

        @Test func statisticsAreToldOnSIGUSR1AndAtTheEnd() throws {
            let server = try serve("--stats")
            let client = try attached(socket)
            #expect(refusal { try client.walk(0, 1, "none") } == ENOENT)
            server.signal(SIGUSR1)
            #expect(eventually { server.said("p50") == 1 && table(server.errors).count >= 3 })
            #expect(
                table(server.errors) == [
                    ["tversion", "1", "0"], ["tattach", "1", "0"], ["twalk", "1", "1"],
                ]
            )
            try client.walk(0, 1, "a.txt")
            server.signal(SIGUSR1)
            #expect(eventually { server.said("p50") == 2 && table(server.errors).count >= 3 })
            #expect(table(server.errors).last == ["twalk", "2", "1"])
            try client.clunk(1)
            let result = server.end()
            #expect(result.status == 0)
            #expect(result.errors.components(separatedBy: "p50").count == 4)
            #expect(table(result.errors).contains(["tclunk", "1", "0"]), "\(result.errors)")
        }

        @Test func withoutStatisticsSIGUSR1DoesNothing() throws {
            let server = try serve()
            server.signal(SIGUSR1)
            #expect(try contents(attached(socket), "a.txt") == "hello")
            let result = server.end()
            #expect(result.status == 0)
            #expect(!result.errors.contains("p50"))
        }

        /// Also while a client is connected, which then sees its connection end.
        @Test(arguments: [SIGTERM, SIGINT, SIGHUP])
        func aSignalEndsItAndRemovesTheSocket(_ signal: Int32) throws {
            let server = try serve()
            let client = try attached(socket)
            #expect(fileExists(FilePath(socket)))
            let result = server.end(signal)
            #expect(result.status == 0, "\(result.errors)")
            #expect(!fileExists(FilePath(socket)))
            #expect(throws: BrokenReply.self) { try client.walk(0, 1) }
        }

        @Test func theMessageSizeIsAtMostThatOfTheCommandLine() throws {
            let server = try serve("--msize", "8192")
            let client = TestClient(try SocketTransport(unix: socket))
            #expect(try client.version(65_536).0 == 8192)
            server.end()
        }
    }
}
