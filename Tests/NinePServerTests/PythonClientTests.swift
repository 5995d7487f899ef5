import CLinux
import Foundation
import NinePServer
import SystemIO
import SystemPackage
import TestSupport
import Testing

/// p9fs, a Python client from PyPI, against our server. scripts/setup installs it.
@Suite struct PythonClientTests {
    private static let python: String = {
        let environment = ProcessInfo.processInfo.environment
        let cache =
            environment["BUILDDISKS_CACHE"] ?? environment["XDG_CACHE_HOME"]
            ?? NSHomeDirectory() + "/.cache"
        return cache + "/builddisks-fixtures/p9fs-0.0.4"
    }()
    private static let isInstalled = mayAccess(FilePath(python + "/ready"), R_OK)

    @Test(.enabled(if: isInstalled)) func listsAndReadsATree() throws {
        let folder = try ScratchFolder()
        var expected: [String] = []
        func make(_ path: String, _ size: Int?) throws {
            guard let size else {
                mkdir(folder.file(path), 0o755)
                expected.append("directory \(path)")
                return
            }
            let file = try OwnedFD.open(FilePath(folder.file(path)), O_WRONLY | O_CREAT)
            try writeAll(file.rawValue, (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 13) })
            let sum = try Referee.run("sha256sum", [folder.file(path)]).output.prefix(64)
            expected.append("file \(path) \(size) \(sum)")
        }
        try make("big", 300_000)
        try make("empty", 0)
        try make("sub", nil)
        try make("sub/deep", nil)
        try make("sub/deep/x", 5)
        // More than one message of entries.
        for index in 100..<400 { try make("sub/f\(index)", nil) }
        let listener = try SocketListener(
            service: NinePService(
                exports: ExportTable([("tree", try HostTree(path: FilePath(folder.path)))])
            ),
            threads: 1
        )
        defer { listener.stop() }
        let port = try #require(Self.listen(listener))
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("python-client").path
        let verdict = try Referee.run(
            "env",
            [Self.python + "/bin/python3", script, "\(port)", "tree"]
        )
        #expect(verdict.status == 0, "\(verdict.output)")
        let lines = verdict.output.split(separator: "\n").map(String.init)
        #expect(lines.sorted() == expected.sorted())
    }

    /// A free port of the loopback interface.
    private static func listen(_ listener: SocketListener) -> UInt16? {
        for _ in 0..<50 {
            let port = UInt16.random(in: 20_000...60_000)
            if (try? listener.listen(.tcp(host: "127.0.0.1", port: port))) != nil { return port }
        }
        return nil
    }
}
