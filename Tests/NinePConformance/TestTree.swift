import CLinux
import SystemIO
import SystemPackage
import TestSupport

/// A folder with one of everything.
package final class TestTree: Sendable {
    package let folder = try! ScratchFolder()
    package static let hugeSize: UInt64 = 5 << 30
    package static let rawName: [UInt8] = [0x72, 0xff, 0xfe, 0x80]
    package static let crowdCount = 400

    package init() throws {
        makeFile("a.txt", Array("hello\n".utf8))
        makeFile("empty", [])
        makeFile("big.bin", (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) })
        for name in ["sub", "sub/deep", "crowd"] { mkdir(file(name), 0o755) }
        makeFile("sub/deep/x", Array("deep".utf8))
        for index in 0..<Self.crowdCount { makeFile("crowd/entry-\(index)", []) }
        symlink("a.txt", file("link"))
        symlink("/etc", file("outside"))
        link(file("a.txt"), file("hard"))
        mkfifo(file("fifo"), 0o644)
        let huge = try OwnedFD.open(FilePath(file("huge")), O_RDWR | O_CREAT)
        ftruncate(huge.rawValue, off_t(Self.hugeSize))
        pwrite(huge.rawValue, "end", 3, off_t(Self.hugeSize) - 3)
        let raw = (Array(folder.path.utf8) + [0x2f] + Self.rawName + [0]).map(
            CChar.init(bitPattern:)
        )
        close(clinux_open(raw, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600))
    }

    package func file(_ name: String) -> String { folder.file(name) }

    package func makeFile(_ name: String, _ bytes: [UInt8]) {
        let file = try! OwnedFD.open(FilePath(self.file(name)), O_WRONLY | O_CREAT | O_TRUNC)
        try! writeAll(file.rawValue, bytes)
    }
}
