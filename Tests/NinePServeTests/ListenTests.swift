import CLinux
import Foundation
import NinePConformance
import SystemIO
import SystemPackage
import TestSupport
import Testing

/// `--listen` on TCP, on vsock and on several at once.
extension NinePServeTests {
    @Suite struct ListenTests {
        private let folder: ScratchFolder
        private var export: [String] { ["--export", "tree=\(folder.file("tree"))"] }

        init() throws {
            folder = try ScratchFolder()
            try folder.write("tree/a.txt", "hello")
        }

        private static let hasDiod = mayAccess("/usr/sbin/diodcat", X_OK)

        private func diodcat(_ server: String) throws -> String {
            try Referee.run("diodcat", ["-s", server, "-a", "tree", "a.txt"]).output
        }

        @Test(.enabled(if: hasDiod)) func severalListenersAtOnce() throws {
            let (first, second) = (folder.file("first"), folder.file("second"))
            let port = freePort()
            let server = try Serve(
                export,
                listen: ["unix:\(first)", "tcp:\(port)", "unix:\(second)"]
            )
            #expect(try contents(attached(first), "a.txt") == "hello")
            #expect(try contents(attached(second), "a.txt") == "hello")
            #expect(try diodcat("127.0.0.1:\(port)") == "hello")
            #expect(server.end().status == 0)
            #expect(!fileExists(FilePath(first)) && !fileExists(FilePath(second)))
        }

        /// Addresses that the system listens on with that port, as /proc/net has them.
        private func listening(_ port: UInt16, _ table: String = "tcp") throws -> [String] {
            let suffix = ":" + String(format: "%04X", port)
            let text = try String(contentsOfFile: "/proc/net/\(table)", encoding: .utf8)
            return text.split(separator: "\n").compactMap { line -> String? in
                let fields = line.split(separator: " ")
                // 0A: TCP_LISTEN.
                guard fields.count > 3, fields[1].hasSuffix(suffix), fields[3] == "0A" else {
                    return nil
                }
                return String(fields[1].dropLast(suffix.count))
            }
        }

        /// Whoever reaches a network would read the exports.
        @Test func tcpIsOnTheLoopbackAddressUnlessTold() throws {
            let port = freePort()
            let server = try Serve(export, listen: ["tcp:\(port)"])
            #expect(try listening(port) == ["0100007F"])
            #expect(server.said("tcp:127.0.0.1:\(port)") == 1)
            server.end()
            let told = try Serve(export, listen: ["tcp:0.0.0.0:\(port)"])
            #expect(try listening(port) == ["00000000"])
            told.end()
        }

        @Test(.enabled(if: mayAccess("/proc/net/if_inet6", R_OK)))
        func anIPv6AddressStandsInBrackets() throws {
            let port = freePort()
            let server = try Serve(export, listen: ["tcp:[::1]:\(port)"])
            #expect(try listening(port, "tcp6") == ["00000000000000000000000001000000"])
            server.end()
        }

        @Test func aPortInUseIsSaid() throws {
            let port = freePort()
            let server = try Serve(export, listen: ["tcp:\(port)"])
            let result = try Serve.run(export + ["--listen", "tcp:\(port)"])
            #expect(result.status == 3)
            #expect(
                result.errors.contains(
                    "another program listens on tcp:127.0.0.1:\(port) already. Give another port"
                ),
                "\(result.errors)"
            )
            server.end()
        }

        @Test(arguments: [
            "", "tcp", "tcp:", "tcp:x", "tcp:65536", "tcp:-1", "tcp::564", "unix:", "vsock:",
            "vsock:x", "vsock:-1", "vsock:4294967296", "vhost-user:", "udp:564",
        ])
        func whatIsNoAddressIsAMatterOfUsage(_ address: String) throws {
            let result = try Serve.run(export + ["--listen", address])
            #expect(result.status == 2, "\(result.errors)")
            #expect(result.errors.contains("--listen"), "\(result.errors)")
        }

        @Test(arguments: [[], ["--msize", "4095"], ["--msize", "1048577"]])
        func otherUsage(_ more: [String]) throws {
            let exports = more.isEmpty ? [] : export
            let listen = ["--listen", "unix:\(folder.file("9p.sock"))"]
            let result = try Serve.run(exports + listen + more)
            #expect(result.status == 2, "\(result.errors)")
        }

        // MARK: Mount commands

        @Test func theMountCommandIsAShells() throws {
            let path = folder.file("it's, here")
            // Its comma would end the option.
            let first = ["--export", "a,b=\(folder.file("tree"))"]
            let server = try Serve(first + export, listen: ["unix:\(path)"])
            let line = try #require(
                server.errors.split(separator: "\n").first { $0.hasPrefix("  mount: ") }
            )
            let words = try runCommand(["sh", "-c", "printf '%s\n' \(line.dropFirst(9))"])
            let options = "trans=unix,version=9p2000.L,msize=524312,cache=loose,ro"
            #expect(
                words.output.split(separator: "\n").map(String.init) == [
                    "mount", "-t", "9p", "-o", options, path, "/mnt",
                ]
            )
            #expect(server.said("  aname: one of a,b, tree") == 1)
            server.end()
        }

        // MARK: vsock

        /// Whether this kernel can listen on vsock at all.
        private static let hasVsock: Bool = {
            let descriptor = socket(AF_VSOCK, Int32(SOCK_STREAM.rawValue), 0)
            if descriptor >= 0 { close(descriptor) }
            return descriptor >= 0
        }()

        /// Either it listens, and says how a guest gets there, or it says what is missing.
        @Test func vsockListensWhereTheKernelHasIt() throws {
            let port = UInt32.random(in: 10_000...2_000_000_000)
            guard Self.hasVsock else {
                let result = try Serve.run(export + ["--listen", "vsock:\(port)"])
                #expect(result.status == 3)
                #expect(result.errors.contains("this kernel has no vsock"), "\(result.errors)")
                return
            }
            let server = try Serve(export, listen: ["vsock:\(port)"])
            #expect(server.said("listening on vsock:\(port)") == 1)
            let second = try Serve.run(export + ["--listen", "vsock:\(port)"])
            #expect(second.status == 3)
            #expect(second.errors.contains("another program listens on vsock:\(port) already"))
            #expect(server.end().status == 0)
        }
    }
}
