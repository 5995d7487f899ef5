import CLinux
import Foundation
import NinePConformance
import SystemIO
import SystemPackage
import TestSupport

/// A diod of our own on a unix socket, sharing a folder read-only.
final class Diod {
    private let folder = try! ScratchFolder()
    private let process = Process()
    var socket: String { folder.file("diod.sock") }

    struct DidNotStart: Error {}

    init(exporting path: String) throws {
        let configuration = "exports = { { path=\"\(path)\", opts=\"ro\" } }\n"
        try configuration.write(
            toFile: folder.file("diod.conf"),
            atomically: true,
            encoding: .utf8
        )
        process.executableURL = URL(fileURLWithPath: "/usr/sbin/diod")
        process.arguments =
            [
                "-f", "-c", folder.file("diod.conf"), "-n", "-N", "-l", socket, "-L",
                folder.file("log"),
            ] + (geteuid() == 0 ? ["-S", "-U", "root"] : ["-u", "\(geteuid())"])
        process.standardError = FileHandle.nullDevice
        try process.run()
        for _ in 0..<500 {
            if (try? SocketTransport(unix: socket)) != nil { return }
            usleep(10_000)
        }
        stop()
        throw DidNotStart()
    }

    /// One that hangs does not listen to SIGTERM.
    func stop() {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}
