import Compose
import Foundation
import OSTree
import SystemPackage
import TestSupport
import Testing

/// The image of a tree; that it is the same tree as the live view, a VM test says (GuestViewTests).
@Suite struct TreeImageTests {
    /// A raw copy of the image that is made of the sample.
    private func image(_ more: [TarEntry], in scratch: ScratchFolder) throws -> String {
        let sample = try SampleRepository(BootableTree.entries(more: more))
        let repository = try Repository(path: FilePath(sample.path))
        try TreeImage.write(
            repository.commit(repository.resolve("os/sample")),
            of: repository,
            mountPoints: [
                Addition(path: "tmp", mode: 0o1777, content: .directory),
                Addition(path: "usr", mode: 0o700, content: .directory),
                Addition(path: "usr/share/new/point", mode: 0o755, content: .directory),
            ],
            to: FilePath(scratch.file("tree.qcow2")),
            threads: 2
        )
        let raw = scratch.file("tree")
        let check = try Referee.run("qemu-img", ["check", scratch.file("tree.qcow2")])
        #expect(check.status == 0, "\(check.output)")
        let convert = try Referee.run(
            "qemu-img",
            ["convert", "-O", "raw", scratch.file("tree.qcow2"), raw]
        )
        try #require(convert.status == 0, "\(convert.output)")
        return raw
    }

    private func debugfs(_ image: String, _ request: String) throws -> String {
        try Referee.run("debugfs", ["-R", request, image]).output
    }

    @Test func `owners, modes, links and mount points are the view's`() throws {
        let scratch = try ScratchFolder()
        let twice = ["one", "two"].map { TarEntry.file("usr/share/\($0)", Array("twice".utf8)) }
        let image = try image(twice, in: scratch)
        let check = try Referee.run("e2fsck", ["-fn", image])
        #expect(check.status == 0, "\(check.output)")
        let su = try debugfs(image, "stat /tree/usr/bin/su")
        #expect(su.contains("Mode:  04755") && su.contains("Links: 1"), "\(su)")
        #expect(try debugfs(image, "stat /tree/usr/share/one").contains("Links: 2"))
        let ping = try debugfs(image, "ea_get -x /tree/usr/bin/ping security.capability")
        #expect(ping.contains("01 00 00 02 00 20 00 00"), "\(ping)")
        let shadow = try debugfs(image, "stat /tree/etc/shadow")
        #expect(shadow.contains("Mode:  0640") && shadow.contains("Group:    42"), "\(shadow)")
        #expect(shadow.contains("Links: 1"), "\(shadow)")
        #expect(try debugfs(image, "stat /tree/tmp").contains("Mode:  01777"))
        #expect(try debugfs(image, "stat /tree/usr/share/new/point").contains("directory"))
        // What the commit has keeps its mode.
        #expect(try debugfs(image, "stat /tree/usr").contains("Mode:  0755"))
        #expect(try debugfs(image, "cat /tree/usr/bin/tool").contains("tool"))
    }

    /// The commit's own `/etc` stays where there is something in it.
    @Test func `an etc with files is shown as it is`() throws {
        let scratch = try ScratchFolder()
        let image = try image(
            [.directory("etc"), .file("etc/own", Array("own".utf8))],
            in: scratch
        )
        #expect(try debugfs(image, "cat /tree/etc/own").contains("own"))
        #expect(try debugfs(image, "stat /tree/etc/shadow").contains("File not found"))
    }
}
