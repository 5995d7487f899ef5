import CLinux
import NineP
import NinePConformance
import NinePServer
import SystemIO
import SystemPackage
import TestSupport
import Testing

/// What a host folder refuses because of what the host has become.
@Suite struct HostRefusalTests {
    private let tree: TestTree
    /// Longer than anything about the host is believed, in microseconds.
    private static let disbelief: UInt32 = 150_000

    init() throws { tree = try TestTree() }

    /// Others come until no earlier descriptor is left.
    private func crowdOut(_ client: TestClient) throws {
        usleep(Self.disbelief)
        for index in 0..<UInt32(100) { try client.walk(0, index + 100, "crowd", "entry-\(index)") }
    }

    @Test func whatHasGoneIsStaleForEveryRequest() throws {
        let client = try TestServer(.memory, [("", try tree.export(descriptors: 8))]).attach()
        let target = Array("new".utf8)
        tree.makeFile("sub/deep/y", Array("y".utf8))
        symlink("nowhere", tree.file("sub/old"))
        try client.walk(0, 1, "sub", "deep", "x")
        try client.open(1)
        try client.walk(0, 2, "sub", "deep")
        try client.open(2)
        try client.walk(0, 3, "sub", "old")
        try client.walk(0, 4, "sub", "deep", "y")
        // The names go on to mean other objects; the old ones live on elsewhere.
        rename(tree.file("sub"), tree.file("moved"))
        for name in ["sub", "sub/deep"] { mkdir(tree.file(name), 0o755) }
        for name in ["sub/deep/x", "sub/deep/y", "sub/old"] { tree.makeFile(name, target) }
        try crowdOut(client)
        #expect(refusal { _ = try client.read(1, at: 0, count: 1) } == ESTALE)
        #expect(refusal { _ = try client.readdir(2, after: 0) } == ESTALE)
        #expect(refusal { _ = try client.readlink(3) } == ESTALE)
        #expect(refusal { _ = try client.xattrwalk(4, 5, "user.any") } == ESTALE)
        #expect(refusal { _ = try client.xattrwalk(4, 5, "") } == ESTALE)
        #expect(refusal { _ = try client.getattr(4) } == ESTALE)
        #expect(refusal { try client.open(4) } == ESTALE)
        #expect(refusal { try client.walk(2, 6, "x") } == ESTALE)
    }

    @Test func aCookieThatNoDirectoryHasIsInvalid() throws {
        let client = try TestServer(.memory, [("", try tree.export())]).attach()
        try client.walk(0, 1, "crowd")
        try client.open(1)
        #expect(refusal { _ = try client.readdir(1, after: .max) } == EINVAL)
        #expect(try client.list(1).count == TestTree.crowdCount + 2)
    }

    @Test func aDirectoryThatWasRemovedHasNoListing() throws {
        mkdir(tree.file("gone"), 0o755)
        let client = try TestServer(.memory, [("", try tree.export())]).attach()
        try client.walk(0, 1, "gone")
        try client.open(1)
        rmdir(tree.file("gone"))
        #expect(refusal { _ = try client.readdir(1, after: 0) } == ENOENT)
    }

    @Test func whatMayNotBeReadIsRefused() throws {
        let client = try TestServer(.memory, [("", try tree.export())]).attach()
        chmod(tree.file("a.txt"), 0)
        chmod(tree.file("sub"), 0)
        defer { chmod(tree.file("sub"), 0o755) }
        let isRoot = geteuid() == 0
        // Root may read everything.
        let expected = isRoot ? nil : EACCES
        try client.walk(0, 1, "a.txt")
        #expect(refusal { try client.open(1) } == expected)
        let attribute = refusal { _ = try client.xattrwalk(1, 2, "user.any") }
        #expect(attribute == (isRoot ? ENODATA : EACCES))
        try client.walk(0, 3, "sub")
        #expect(refusal { try client.walk(3, 4, "deep") } == expected)
        #expect(refusal { try client.open(3) } == expected)
    }
}
