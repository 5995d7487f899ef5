import CLinux
import Foundation
import NinePConformance
import SystemIO
import SystemPackage
import TestSupport
import Testing

/// The suite that runs against any server: ours, and diod, to see where the two differ.
@Suite struct ConformanceSuiteTests {
    @Test func ourServer() throws {
        let tree = try TestTree()
        let server = try TestServer(.unix, [("tree", try tree.export())])
        let peer = ConformancePeer(socket: server.path, attachName: "tree", tree: tree)
        for question in ConformanceCase.all {
            #expect(question.observed(peer) == question.expected, "\(question.name)")
        }
    }

    /// docs/9p.md has the table of differences as it comes out.
    @Test(.enabled(if: mayAccess("/usr/sbin/diod", X_OK)))
    func diodDiffersAsDocumented() throws {
        let tree = try TestTree()
        var rows: Set<String> = []
        var unsteady: [String] = []
        for question in ConformanceCase.all {
            // Some questions leave it hanging.
            let diod = try Diod(exporting: tree.folder.path)
            defer { diod.stop() }
            let peer = ConformancePeer(
                socket: diod.socket,
                attachName: tree.folder.path,
                tree: tree
            )
            let observed = question.observed(peer)
            if question.isRace { unsteady.append("| \(question.name) |") }
            if observed == question.expected { continue }
            rows.insert("| \(question.name) | \(question.expected) | \(observed) |")
        }
        let page = try String(
            contentsOf: URL(fileURLWithPath: #filePath)
                .deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent().appendingPathComponent("docs/9p.md"),
            encoding: .utf8
        )
        let section = try #require(page.components(separatedBy: "## Where diod differs").last)
        let documented = section.components(separatedBy: "\n## ")[0].split(separator: "\n")
            .filter { $0.hasPrefix("| ") && !$0.hasPrefix("| question") }.map(String.init)
        let steady = { (rows: Set<String>) in
            rows.filter { row in !unsteady.contains { row.hasPrefix($0) } }.sorted()
        }
        #expect(steady(Set(documented)) == steady(rows))
    }
}
