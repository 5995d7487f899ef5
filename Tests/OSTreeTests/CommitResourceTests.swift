import ByteStream
import Foundation
import NinePServer
import OSTree
import OSTreeExport
import Synchronization
import SystemIO
import SystemPackage
import TestSupport
import Testing

/// What open files of a commit cost: descriptors and memory are bounded, whatever number is open.
@Suite struct CommitResourceTests {
    private static let count = 60
    /// Unlike those of any other test's memory files.
    private static func size(_ number: Int) -> Int { 100_003 + number }

    private static func content(_ number: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(number), count: size(number))
    }

    private static let tree: [TarEntry] =
        [.directory("")] + (0..<count).map { .file("f\($0)", content($0)) }

    private func open(_ export: CommitTree) throws -> [any OpenFile] {
        try (0..<Self.count).map {
            try export.root().child(named: Array("f\($0)".utf8)).openFile()
        }
    }

    /// How many of the tree's files this process has open: inflated, or in that folder.
    private func descriptorCount(_ folder: String) throws -> Int {
        let sizes = Set((0..<Self.count).map { off_t(Self.size($0)) })
        return try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count { name in
            let path = "/proc/self/fd/\(name)"
            var status = stat()
            guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path),
                target.hasPrefix("/memfd:") || target.hasPrefix(folder),
                stat(path, &status) == 0
            else { return false }
            return sizes.contains(status.st_size)
        }
    }

    @Test(arguments: ["archive", "bare-user"])
    func manyOpenFilesNeedFewDescriptors(mode: String) throws {
        let sample = try SampleRepository(Self.tree)
        defer { withExtendedLifetime(sample) {} }
        let path = try sample.pull(mode)
        let export = try sample.view(mode: mode, budget: DescriptorBudget(limit: 64))
        let files = try open(export)
        // A quarter of the budget.
        #expect(try descriptorCount(path) <= 16)
        for (number, file) in files.enumerated() {
            #expect(try ViewWalker.read(file) == Self.content(number), "\(number)")
        }
        #expect(try descriptorCount(path) <= 16)
        #expect(try descriptorCount(path) > 0)
        #expect(export.cacheUsage.cost <= 1 << 20)
    }

    /// A client that asks and does not read the replies: each could keep one file.
    @Test func unsentRepliesKeepNoMoreThanTheCacheHolds() throws {
        let sample = try SampleRepository(Self.tree)
        defer { withExtendedLifetime(sample) {} }
        let export = try sample.view()
        let replies = try open(export).map { try $0.data(at: 10, count: 1000) }
        let kept = replies.count { if case .slice = $0 { true } else { false } }
        #expect(kept > 0 && kept < 10)
        #expect(try descriptorCount(sample.path) <= 10)
        #expect(export.cacheUsage.cost <= 1 << 20)
        for (number, reply) in replies.enumerated() {
            switch reply {
            case .slice(let slice):
                let bytes = try slice.file.read(count: slice.count, at: slice.offset)
                #expect(bytes == [UInt8](repeating: UInt8(number), count: 1000))
            case .bytes(let bytes):
                #expect(Array(bytes) == [UInt8](repeating: UInt8(number), count: 1000))
            case .end: Issue.record("nothing of \(number)")
            }
        }
    }

    /// The carrier's thread never waits for another that inflates, nor inflates again what failed.
    @Test func nothingLargeIsInflatedAtOnce() throws {
        var random = SplitMix(seed: 1)
        let words = (0..<1_000_000).map { _ in random.next() }
        let content = words.withUnsafeBytes { [UInt8]($0) }
        let sample = try SampleRepository([.directory(""), .file("f", content)])
        defer { withExtendedLifetime(sample) {} }
        func node() throws -> (CommitTree, any Node) {
            let export = try sample.view(cacheLimit: 64 << 20)
            return (export, try export.root().child(named: Array("f".utf8)))
        }
        var wasMet = false
        for _ in 0..<20 where !wasMet {
            let (export, file) = try node()
            #expect(try file.openFileAtOnce() == nil)
            let thread = Thread { _ = try? file.openFile() }
            thread.start()
            while export.cacheUsage.count == 0 { usleep(100) }
            // Should it have been done meanwhile, once more.
            wasMet = try file.openFileAtOnce() == nil
            let opened = try file.openFile()
            #expect(try file.openFileAtOnce() === opened)
            #expect(try ViewWalker.read(opened) == content)
        }
        #expect(wasMet)
        let (export, file) = try node()
        let objects = try #require(
            FileManager.default.enumerator(atPath: sample.path + "/objects")
        )
        for case let name as String in objects where name.hasSuffix(".filez") {
            let path = sample.path + "/objects/" + name
            var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            bytes[bytes.count / 2] ^= 1
            try bytes.write(to: URL(fileURLWithPath: path))
        }
        for _ in 0..<2 {
            #expect(throws: Errno.ioError) { try file.openFile() }
            #expect(try file.openFileAtOnce() == nil)
        }
        #expect(export.cacheUsage.count == 0)
    }

    @Test func exportsShareABudget() throws {
        let budget = DescriptorBudget(limit: 64)
        let shares = (0..<100).map { _ in budget.reserve(upTo: 20) }
        #expect(shares.prefix(3) == [16, 12, 9])
        #expect(shares.reduce(0, +) < 64)
        for share in shares { budget.giveBack(share) }
        #expect(budget.reserve(upTo: 10) == 10)
    }
}
