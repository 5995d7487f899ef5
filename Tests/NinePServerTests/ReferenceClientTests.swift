import CLinux
import NineP
import NinePConformance
import NinePServer
import SystemIO
import SystemPackage
import TestSupport
import Testing

/// diod's own clients against our server.
@Suite struct ReferenceClientTests {
    private static let isInstalled = mayAccess("/usr/sbin/diodls", X_OK)
    private let tree: TestTree
    private let server: TestServer

    init() throws {
        tree = try TestTree()
        server = try TestServer(.unix, [("tree", try tree.export())])
    }

    @Test(.enabled(if: isInstalled)) func diodlsListsTheTree() throws {
        let verdict = try Referee.run("diodls", ["-s", server.path, "-a", "tree", "-l", "/"])
        #expect(verdict.status == 0, "\(verdict.output)")
        for name in ["a.txt", "big.bin", "crowd", "huge"] {
            #expect(verdict.output.contains(" \(name)\n"), "\(verdict.output)")
        }
        #expect(verdict.output.contains("\(TestTree.hugeSize)"))
        let crowd = try Referee.run("diodls", ["-s", server.path, "-a", "tree", "crowd"])
        #expect(crowd.output.split(separator: "\n").count >= TestTree.crowdCount)
    }

    @Test(.enabled(if: isInstalled), arguments: [4120, 65_536])
    func diodcatReadsFiles(_ messageSize: Int) throws {
        let options = ["-s", server.path, "-a", "tree", "-m", "\(messageSize)"]
        let text = try Referee.run("diodcat", options + ["a.txt", "sub/deep/x"])
        #expect(text.output == "hello\ndeep")
        tree.makeFile("ascii", (0..<200_000).map { UInt8(0x20 + $0 % 90) })
        let big = try Referee.run("diodcat", options + ["ascii"])
        #expect(big.output.utf8.elementsEqual(try readFile(FilePath(tree.file("ascii")))))
    }

    @Test(.enabled(if: isInstalled)) func refusalsReachTheClient() throws {
        let missing = try Referee.run("diodcat", ["-s", server.path, "-a", "tree", "none"])
        #expect(missing.status != 0 && missing.output.contains("No such file"))
        let other = try Referee.run("diodls", ["-s", server.path, "-a", "other", "/"])
        #expect(other.status != 0 && other.output.contains("No such file"))
    }
}
