import Foundation
import NinePServer
import OSTree
import OSTreeExport
import SystemPackage
import TestSupport
import Testing

/// What a view keeps of what it has read.
@Suite struct CommitTreeCacheTests {
    /// More content than the cache may hold, from many threads: an open file keeps what it reads.
    @Test func theCacheStaysWithinItsLimit() async throws {
        let tree =
            [TarEntry.directory("")]
            + (0..<20).map { .file("f\($0)", [UInt8](repeating: UInt8($0), count: 200_000)) }
        let sample = try SampleRepository(tree)
        defer { withExtendedLifetime(sample) {} }
        let export = try sample.view()
        let first = try export.root().child(named: Array("f0".utf8)).openFile()
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<60 {
                group.addTask {
                    let name = Array("f\(number % 20)".utf8)
                    let content = try ViewWalker.read(
                        export.root().child(named: name).openFile()
                    )
                    return content == [UInt8](repeating: UInt8(number % 20), count: 200_000)
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
        #expect(export.cacheUsage.cost <= 1 << 20)
        #expect(try ViewWalker.read(first) == [UInt8](repeating: 0, count: 200_000))
        #expect(export.readFailures.isEmpty)
    }

    @Test func aNodeThatWasMetBeforeIsUsedAgain() throws {
        let sample = try SampleRepository(SampleTree.canonical)
        defer { withExtendedLifetime(sample) {} }
        let export = try sample.view()
        let (tool, bin) = try find(["usr", "bin", "tool"], in: export)
        let (toolAgain, binAgain) = try find(["usr", "bin", "tool"], in: export)
        #expect(tool === toolAgain && bin === binAgain)
        #expect(try bin.openDirectory() === binAgain.openDirectory())
        #expect(try tool.openFile() === toolAgain.openFile())
    }

    private func find(
        _ path: [String],
        in export: CommitTree
    ) throws -> (node: any Node, parent: any Node) {
        let node = try path.reduce(export.root()) { try $0.child(named: Array($1.utf8)) }
        return (node, node.parent())
    }

    /// Not even room for one directory: each pushes out the one before.
    @Test func theViewStaysTheSameWithoutRoomForNodes() throws {
        let sample = try SampleRepository(SampleTree.full)
        let whole = try ViewWalker(sample.view())
        let crowded = try ViewWalker(sample.view(folderLimit: 1))
        #expect(crowded.listing.entries == whole.listing.entries)
        #expect(crowded.listing.inodes == whole.listing.inodes)
        #expect(crowded.linkCounts == whole.linkCounts)
    }

    /// A listing goes on where it was, although its directory has been pushed out meanwhile.
    @Test func anOpenDirectoryOutlivesItsPlaceInTheCache() throws {
        let sample = try SampleRepository(SampleTree.canonical)
        defer { withExtendedLifetime(sample) {} }
        let export = try sample.view(folderLimit: 1)
        let directory = try find(["usr", "lib", "many"], in: export).node.openDirectory()
        var names: [[UInt8]] = []
        var cookie: UInt64 = 0
        while names.count < 102 {
            let before = names.count
            try directory.entries(after: cookie) { name, entry in
                names.append(NamedEntry(name, entry).name)
                cookie = entry.cookie
                return names.count % 10 != 0
            }
            _ = try find(["usr", "bin", "tool"], in: export)
            if names.count == before { break }
        }
        #expect(Set(names).count == 102)
    }

    /// The cache's directories and the view refer to each other.
    @Test func nothingIsLeftOfATreeThatIsGone() throws {
        let sample = try SampleRepository(SampleTree.canonical)
        defer { withExtendedLifetime(sample) {} }
        weak var root: (any Node)?
        weak var kept: (any Node)?
        do {
            let export = try sample.view()
            root = try export.root()
            kept = try find(["usr", "bin"], in: export).node
            #expect(kept != nil)
        }
        #expect(root == nil && kept == nil)
        do {
            // A node in use outlives the tree, and makes nothing stay.
            let last = try sample.view().root()
            kept = try last.child(named: Array("usr".utf8)).child(named: Array("bin".utf8))
            #expect(last.parent() === last)
        }
        #expect(kept == nil)
    }
}
