import Foundation
import NinePConformance
import TestSupport
import Testing

/// The mount command that is printed for a guest, pasted in one: User-mode Linux, whose kernel's own
/// 9P client then reads the export.
extension NinePServeTests {
    @Suite(.enabled(if: UserModeLinux.isInstalled)) struct GuestMountTests {
        private let folder: ScratchFolder
        private static let client = [
            "net/vmw_vsock/vsock.ko", "net/vmw_vsock/vmw_vsock_virtio_transport_common.ko",
            "net/9p/9pnet.ko", "net/9p/9pnet_fd.ko", "fs/netfs/netfs.ko",
            "fs/fscache/fscache.ko", "fs/9p/9p.ko",
        ]

        init() throws {
            folder = try ScratchFolder()
            try folder.write("tree/a.txt", "hello\n")
        }

        /// What follows "  guest: ".
        private func command(_ server: Serve) throws -> String {
            let line = server.errors.split(separator: "\n").first { $0.hasPrefix("  guest: ") }
            return String(try #require(line, "\(server.errors)").dropFirst("  guest: ".count))
        }

        private let look = "\ncat /mnt/a.txt\ngrep ' 9p ' /proc/mounts\numount /mnt\n"

        private func expectMounted(_ said: String, _ name: String) {
            #expect(said.contains("hello\n"), "\(said)")
            #expect(said.contains("aname=\(name),"), "\(said)")
            #expect(said.hasSuffix("status 0\n"), "\(said)")
        }

        @Test func overAVhostUserDevice() throws {
            let socket = folder.file("vsock.sock")
            let server = try Serve(
                ["--export", "the.tree=\(folder.file("tree"))"],
                listen: ["vhost-user:\(socket)"]
            )
            let modules = Self.client + ["net/vmw_vsock/vmw_vsock_virtio_transport.ko"]
            let said = try UserModeLinux.run(
                UserModeLinux.loading(modules) + command(server) + look,
                sockets: [socket],
                in: folder
            )
            expectMounted(said, "the.tree")
            #expect(server.end().status == 0)
        }

        /// Server and client are in the same machine, where the context id of the host is its own.
        @Test func overTheKernelsVsock() throws {
            let listen = ["--listen", "vsock:5640"]
            let arguments = ["--export", "tree=\(folder.file("tree"))"] + listen
            let program = ([try Serve.program()] + arguments).joined(separator: " ")
            let (errors, paste) = (folder.file("errors"), folder.file("command"))
            let said = try UserModeLinux.run(
                UserModeLinux.loading(Self.client + ["net/vmw_vsock/vsock_loopback.ko"]) + """
                    \(program) 2>\(errors) &
                    until grep -q "^  guest: " \(errors); do sleep 0.1; done
                    sed -n "s/^  guest: //p" \(errors) >\(paste)
                    . \(paste)
                    """ + look + "kill $!\nwait $!\n",
                in: folder
            )
            expectMounted(said, "tree")
        }
    }
}
