import Foundation
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Bootstrap

@Suite struct BootstrapCacheTests {
    private let scratch: ScratchFolder
    private let folder: FilePath

    init() throws {
        scratch = try ScratchFolder()
        folder = FilePath(scratch.file("cache"))
    }

    private func bytes(_ count: Int, _ value: UInt8 = 1) -> [UInt8] {
        [UInt8](repeating: value, count: count)
    }

    private func read(_ path: FilePath) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: path.string)))
    }

    @Test func anEntryIsMadeOnceAndKeepsItsFacts() throws {
        let cache = try BootstrapCache(folder: folder)
        let calls = Mutex(0)
        for _ in 0..<3 {
            let entry = try cache.entry("key") { () throws(BootstrapError) in
                calls.withLock { $0 += 1 }
                return (bytes(1_000), ["entry": "pvh", "note": "two words"])
            }
            #expect(try read(entry.data) == bytes(1_000))
            #expect(entry.facts["entry"] == "pvh")
            #expect(entry.facts["note"] == "two words")
        }
        #expect(calls.withLock { $0 } == 1)
        let attributes = try FileManager.default.attributesOfItem(atPath: folder.string)
        #expect(attributes[.posixPermissions] as? Int == 0o700)
    }

    @Test(arguments: ["data", "seal"], [0, 20, -1])
    func aDamagedEntryIsMadeAgain(file: String, position: Int) throws {
        let cache = try BootstrapCache(folder: folder)
        _ = try cache.entry("key") { () throws(BootstrapError) in (bytes(100), [:]) }
        let path = folder.appending("key").appending(file)
        var content = try read(path)
        if position < 0 { content.removeLast(10) } else { content[position] ^= 1 }
        try Data(content).write(to: URL(fileURLWithPath: path.string))
        let entry = try cache.entry("key") { () throws(BootstrapError) in (bytes(100, 2), [:]) }
        #expect(try read(entry.data) == bytes(100, 2))
        // Nothing half-made is left.
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.string) == ["key"])
    }

    /// Longer than the pieces that are summed up at once: each of them counts.
    @Test(arguments: [0, 4 << 20, 9 << 20])
    func damageIsSeenInEachPiece(position: Int) throws {
        let cache = try BootstrapCache(folder: folder)
        let entry = try cache.entry("key") { () throws(BootstrapError) in (bytes(10 << 20), [:]) }
        #expect(cache.find("key") != nil)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: entry.data.string))
        try file.seek(toOffset: UInt64(position))
        try file.write(contentsOf: Data([0]))
        #expect(cache.find("key") == nil)
    }

    @Test func whatIsRemovedIsGone() throws {
        let cache = try BootstrapCache(folder: folder)
        _ = try cache.entry("key") { () throws(BootstrapError) in (bytes(100), [:]) }
        cache.remove("key")
        cache.remove("other")
        #expect(cache.find("key") == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.string) == [])
    }

    @Test func theLeastRecentlyUsedGoesFirstUnlessInUse() throws {
        let cache = try BootstrapCache(folder: folder, limit: 250)
        let held = try cache.entry("a") { () throws(BootstrapError) in (bytes(100), [:]) }
        for (index, key) in ["b", "c", "d"].enumerated() {
            _ = try cache.entry(key) { () throws(BootstrapError) in (bytes(100), [:]) }
            // Times of last use a second apart.
            let time = Date(timeIntervalSince1970: 1_000 + Double(index))
            try FileManager.default.setAttributes(
                [.modificationDate: time],
                ofItemAtPath: folder.appending(key).appending("seal").string
            )
        }
        _ = try cache.entry("e") { () throws(BootstrapError) in (bytes(100), [:]) }
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.string).sorted()
        #expect(left == ["a", "e"])
        #expect(try read(held.data) == bytes(100))
    }

    @Test func manyAtOnceAgree() async throws {
        let cache = try BootstrapCache(folder: folder)
        let bytes = bytes(300_000)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<12 {
                group.addTask {
                    let entry = try cache.entry("key") { () throws(BootstrapError) in (bytes, [:]) }
                    return try Data(contentsOf: URL(fileURLWithPath: entry.data.string)).count
                }
            }
            for try await count in group { #expect(count == 300_000) }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.string) == ["key"])
    }

    @Test func aFolderThatOthersCanWriteIsRefused() throws {
        try FileManager.default.createDirectory(
            atPath: folder.string,
            withIntermediateDirectories: false
        )
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o777],
            ofItemAtPath: folder.string
        )
        #expect(throws: BootstrapError.self) { try BootstrapCache(folder: folder) }
        #expect(throws: BootstrapError.self) {
            try BootstrapCache(folder: FilePath("/proc/none/cache"))
        }
    }
}
