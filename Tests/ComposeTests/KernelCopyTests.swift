import CLinux
import Compose
import Foundation
import OSTree
import SystemIO
import SystemPackage
import TestSupport
import Testing

/// Files of a bare repository that are not in memory.
@Suite struct KernelCopyTests {
    /// Files that are large enough, one with clusters of zeros.
    private static let tree = BootableTree.entries(more: [
        .file("usr/share/zeros", [UInt8](repeating: 0, count: 300_000) + SampleTree.big),
        .file("usr/etc/large", SampleTree.big + [1], mode: 0o600),
    ])

    /// Has the kernel forget what it has read of a repository's files.
    private func forget(_ repository: String) throws -> [String] {
        let found = try Referee.run(
            "find",
            [repository + "/objects", "-name", "*.file", "-size", "+64k"]
        )
        let files = found.output.split(separator: "\n").map(String.init)
        for path in files {
            let file = try OwnedFD.open(FilePath(path), O_RDONLY)
            try syscall { fsync(file.rawValue) }
            _ = posix_fadvise(file.rawValue, 0, 0, POSIX_FADV_DONTNEED)
            var system = statfs()
            try syscall { fstatfs(file.rawValue, &system) }
            // In a tmpfs there is nothing but memory.
            let isTmpfs = system.f_type == 0x0102_1994
            let isHere = try isInMemory(file.rawValue)
            try #require(isTmpfs || !isHere)
        }
        return files
    }

    @Test func `the kernel's copy gives the same bytes`() throws {
        let sample = try SampleRepository(Self.tree)
        for format in [ComposePlan.Format.qcow2, .raw] {
            var plan = try plan(sample, format: format)
            let written = try ComposedDisk(plan)
            let bare = try sample.pull("bare-user")
            try #require(forget(bare).count >= 3)
            plan.repository = try Repository(path: FilePath(bare))
            let copied = try ComposedDisk(plan)
            #expect(try copied.bytes() == written.bytes())
            #expect(copied.figures.sha256 == written.figures.sha256)
            if format == .qcow2 {
                let check = try Referee.run("qemu-img", ["check", copied.scratch.file("disk")])
                #expect(check.status == 0, "\(check.output)")
            }
        }
    }

    @Test func `a damaged file is found`() throws {
        let sample = try SampleRepository(Self.tree)
        let bare = try sample.pull("bare-user")
        let file = try #require(try forget(bare).first)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        bytes[bytes.count - 1] ^= 1
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
        try handle.write(contentsOf: bytes)
        try handle.close()
        _ = try forget(bare)
        var plan = try plan(sample)
        plan.repository = try Repository(path: FilePath(bare))
        let error = #expect(throws: ComposeError.self) { _ = try ComposedDisk(plan) }
        #expect("\(error as Any)".contains("corrupt"))
    }
}
