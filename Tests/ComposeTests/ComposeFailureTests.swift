import Compose
import DiskImage
import Foundation
import OSTree
import SystemPackage
import TestSupport
import Testing

@Suite struct ComposeFailureTests {
    private func failure(_ plan: ComposePlan) throws -> String {
        let scratch = try ScratchFolder()
        let error = #expect(throws: ComposeError.self) {
            try Composer(plan: plan, scratch: FilePath(scratch.path)).compose(
                to: FilePath(scratch.file("disk"))
            )
        }
        return error.map { "\($0)" } ?? ""
    }

    private func object(_ sample: SampleRepository, _ path: String) throws -> String {
        let list = try SampleRepository.ostree(
            "ls",
            "-C",
            "--repo=\(sample.path)",
            "os/sample",
            path
        )
        let checksum = try #require(
            list.split(separator: " ").first { $0.count == 64 }.map(String.init)
        )
        return sample.path + "/objects/\(checksum.prefix(2))/\(checksum.dropFirst(2)).filez"
    }

    @Test func `a corrupt object is named`() throws {
        let sample = try SampleRepository(BootableTree.entries())
        let file = try object(sample, "/usr/share/big")
        var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        bytes[bytes.count / 2] ^= 0x55
        try bytes.write(to: URL(fileURLWithPath: file))
        let text = try failure(try plan(sample))
        #expect(text.contains("corrupt") && text.contains(file), "\(text)")
    }

    @Test func `a corrupt object that is only in etc or a link is found too`() throws {
        let sample = try SampleRepository(BootableTree.entries())
        for path in ["/usr/etc/secret", "/usr/bin/tool-link"] {
            let file = try object(sample, path)
            let good = try Data(contentsOf: URL(fileURLWithPath: file))
            var bad = good
            bad[19] ^= 1
            try bad.write(to: URL(fileURLWithPath: file))
            #expect(try failure(try plan(sample)).contains("corrupt"), "\(path)")
            try good.write(to: URL(fileURLWithPath: file))
        }
    }

    @Test func `a missing object is named`() throws {
        let sample = try SampleRepository(BootableTree.entries())
        try FileManager.default.removeItem(atPath: try object(sample, "/usr/share/big"))
        #expect(try failure(try plan(sample)).contains("missing"))
    }

    @Test func `a disk that is too small is refused before anything is written`() throws {
        let big = (0..<200).map { n in
            TarEntry.file(
                "usr/share/b\(n)",
                SampleTree.big + Array("\(n)".utf8),
                mode: 0o644
            )
        }
        let sample = try SampleRepository(BootableTree.entries(more: big))
        let text = try failure(try plan(sample, size: 330 << 20))
        #expect(text.contains("root partition is too small"), "\(text)")
    }

    @Test func `trees that cannot boot are refused`() throws {
        let cases: [([TarEntry], String)] = [
            // Not that it has no ostree, which another tree could lend.
            (SampleTree.full, "no kernel"),
            (BootableTree.entries(kernels: []), "no kernel"),
            (BootableTree.entries(kernels: ["6.1.0", "6.2.0"]), "2 kernels"),
            (
                BootableTree.entries(more: [.directory("etc"), .file("etc/filled", [1])]),
                "/usr/etc"
            ),
            (BootableTree.entries(more: [.directory("etc")]), "refuses"),
        ]
        for (tree, words) in cases {
            let sample = try SampleRepository(tree)
            let text = try failure(try plan(sample))
            #expect(text.contains(words), "\(text)")
        }
    }

    @Test func `what only libostree can make is left to the VM`() throws {
        // As `ostree --version` has it.
        let library = Array("\0libcurl inode64 initial-var composefs release\0".utf8)
        let composefs = BootableTree.entries(
            libostree: "2025.2",
            more: [.file("usr/lib/libostree-1.so.1", library)]
        )
        let new = try SampleRepository(composefs)
        var text = try failure(try plan(new))
        #expect(text.contains("2025.2 writes a composefs image for each deployment"), "\(text)")
        #expect(text.contains("--method vm"), "\(text)")
        // Old enough not to.
        let old = try SampleRepository(
            BootableTree.entries(more: [.file("usr/lib/libostree-1.so.1", library)])
        )
        _ = try ComposedDisk(try plan(old))

        // Another tree's libostree can deploy them.
        for (entries, reason) in [
            (BootableTree.entries().filter { $0.path != "usr/bin/ostree" }, "no usr/bin/ostree"),
            (BootableTree.entries(libostree: "unknown"), "no version of libostree"),
        ] {
            let sample = try SampleRepository(entries)
            text = try failure(try plan(sample))
            #expect(text.contains(reason) && text.contains("--method vm"), "\(text)")
        }

        let unreadable = try SampleRepository(
            BootableTree.entries(more: [
                .directory("usr/etc/selinux"),
                .file("usr/etc/selinux/config", Array("SELINUX=enforcing\nSELINUXTYPE=a\n".utf8)),
            ])
        )
        text = try failure(try plan(unreadable))
        #expect(text.contains("SELinux policy cannot be read on this host"), "\(text)")
    }

    @Test func `attributes that fit no block are refused with path and size`() throws {
        for (size, fits) in [(4020, true), (4096, false)] {
            let sample = try SampleRepository(
                BootableTree.entries(more: [
                    .file(
                        "usr/share/x",
                        [1],
                        xattrs: ["user.a": [UInt8](repeating: 1, count: size)]
                    )
                ])
            )
            if fits {
                _ = try ComposedDisk(try plan(sample))
            } else {
                let text = try failure(try plan(sample))
                #expect(text.contains(".file") && text.contains("4096 bytes"), "\(text)")
            }
        }
    }

    @Test func `an output that cannot be written is named`() throws {
        let sample = try SampleRepository(BootableTree.entries())
        let scratch = try ScratchFolder()
        let composer = try Composer(plan: try plan(sample), scratch: FilePath(scratch.path))
        let error = #expect(throws: ComposeError.self) {
            try composer.compose(to: "/nowhere/disk")
        }
        #expect(error.map { "\($0)" }?.contains("/nowhere/disk") == true)
        let full = #expect(throws: ComposeError.self) { try composer.compose(to: "/dev/full") }
        #expect(full != nil)
    }
}
