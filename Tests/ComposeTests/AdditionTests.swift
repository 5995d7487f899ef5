import Compose
import DiskImage
import TestSupport
import Testing

/// Files beyond the commit, looked at with debugfs.
@Suite struct AdditionTests {
    private func compose(
        _ additions: [Addition],
        fstab: [UInt8]? = nil
    ) throws -> (disk: ComposedDisk, root: String) {
        let sample = try SampleRepository(BootableTree.entries())
        var plan = try plan(sample, fstab: fstab)
        plan.additions = additions
        let disk = try ComposedDisk(plan)
        return (disk, "/ostree/deploy/demo/deploy/\(sample.commit).0")
    }

    @Test func filesAppearWithOwnerAndMode() throws {
        let big = [UInt8](repeating: 0x61, count: 3 << 20)
        let (disk, root) = try compose([
            Addition(path: "etc/new/deep/f", mode: 0o640, uid: 5, gid: 6, content: .file([0x78])),
            Addition(path: "etc/big", mode: 0o644, content: .file(big)),
            Addition(path: "etc/link", mode: 0o777, content: .symlink(target: "big")),
            Addition(path: "etc/shadow", mode: 0o600, content: .file(Array("mine".utf8))),
            Addition(path: "var/lib/app", mode: 0o750, uid: 9, gid: 9, content: .directory),
            Addition(path: "var/lib/app/d", mode: 0o644, content: .file([0x79])),
            Addition(path: "var/log", mode: 0o700, uid: 4, content: .directory),
        ])
        let file = try disk.debugfs(.root, "stat \(root)/etc/new/deep/f")
        #expect(file.contains("Mode:  0640"))
        #expect(file.contains("User:     5   Group:     6"))
        #expect(try disk.debugfs(.root, "stat \(root)/etc/new").contains("Mode:  0755"))
        #expect(try disk.debugfs(.root, "cat \(root)/etc/shadow") == "mine")
        #expect(try disk.debugfs(.root, "stat \(root)/etc/shadow").contains("Mode:  0600"))
        #expect(try disk.debugfs(.root, "stat \(root)/etc/link").contains("\"big\""))
        #expect(try disk.debugfs(.root, "stat \(root)/etc/big").contains("Size: 3145728"))
        let stateroot = "/ostree/deploy/demo/var"
        #expect(try disk.debugfs(.root, "stat \(stateroot)/lib/app").contains("Mode:  0750"))
        #expect(try disk.debugfs(.root, "cat \(stateroot)/lib/app/d") == "y")
        let log = try disk.debugfs(.root, "stat \(stateroot)/log")
        #expect(log.contains("Mode:  0700") && log.contains("User:     4"), "\(log)")
        let check = try Referee.run("e2fsck", ["-fn", try disk.partition(.root)])
        #expect(check.status == 0, "\(check.output)")
    }

    @Test func anAddedFstabGoesBeforeTheLayouts() throws {
        let own = Addition(path: "etc/fstab", mode: 0o644, content: .file(Array("own".utf8)))
        let (disk, root) = try compose([own], fstab: Array("layout".utf8))
        #expect(try disk.debugfs(.root, "cat \(root)/etc/fstab") == "own")
    }

    @Test(
        "what cannot be put together",
        arguments: [
            [("etc/shadow/f", Addition.Content.file([1]))],
            [("etc/shadow", .directory)],
            [("etc/a", .file([1])), ("etc/a/b", .file([1]))],
            [("etc/a/b", .file([1])), ("etc/a", .file([1]))],
        ]
    )
    func clashes(entries: [(String, Addition.Content)]) throws {
        let additions = entries.map { Addition(path: $0.0, mode: 0o644, content: $0.1) }
        let error = #expect(throws: ComposeError.self) { _ = try compose(additions) }
        #expect("\(error as Any)".contains("to be added"))
    }
}
