import Foundation

/// A small system tree with all that a repository can hold.
package enum SampleTree {
    /// A capability of cap_net_raw+ep, as in security.capability (struct vfs_cap_data, revision 2).
    package static let capability: [UInt8] =
        [1, 0, 0, 2, 0, 0x20] + [UInt8](repeating: 0, count: 14)

    /// With owners, setuid bits and attributes.
    package static let full: [TarEntry] =
        canonical + [
            .file("usr/bin/su", Array("su".utf8), mode: 0o4755),
            .file(
                "usr/bin/ping",
                Array("ping".utf8),
                mode: 0o755,
                xattrs: [
                    "security.capability": capability
                ]
            ),
            .file("usr/etc/shadow", Array("root:*::\n".utf8), mode: 0o640, gid: 42),
            .file("usr/etc/secret", Array("s".utf8), mode: 0o600),
            .file("usr/share/copy-c", Array("the same".utf8), uid: 1000, gid: 1000),
            .file(
                "usr/share/attributed",
                Array("a".utf8),
                xattrs: [
                    "user.one": [1], "user.two": [], "user.long": [UInt8](repeating: 7, count: 300),
                ]
            ),
            .directory("var/lib/private", mode: 0o700, uid: 1000, gid: 1000),
            .file("var/lib/private/own", Array("mine".utf8), uid: 1000, gid: 1000),
            .symlink("usr/share/owned-link", to: "copy-c", uid: 1000),
        ]

    /// What a repository of mode bare-user-only can hold too.
    package static let canonical: [TarEntry] =
        [
            .directory(""),
            .directory("usr"),
            .directory("usr/bin"),
            .directory("usr/etc"),
            .directory("usr/etc/default"),
            .directory("usr/lib"),
            .directory("usr/lib/many"),
            .directory("usr/share"),
            .directory("var"),
            .directory("var/lib"),
            .directory("boot"),
            .file("usr/bin/tool", Array("tool".utf8), mode: 0o755),
            .symlink("usr/bin/tool-link", to: "tool"),
            .symlink("home", to: "var/home"),
            .file("usr/etc/passwd", Array("root:x:0:0::/root:/bin/sh\n".utf8)),
            .file("usr/etc/default/locale", Array("LANG=C\n".utf8)),
            .file("usr/lib/os-release", Array("ID=sample\nPRETTY_NAME=\"Sample\"\n".utf8)),
            .file("usr/share/copy-a", Array("the same".utf8)),
            .file("usr/share/copy-b", Array("the same".utf8)),
            .file("usr/share/empty-a", []),
            .file("usr/share/empty-b", []),
            .file("usr/share/größe", Array("name with umlauts".utf8)),
            .file("usr/share/big", big),
            .symlink("usr/share/" + String(repeating: "n", count: 200), to: "copy-a"),
        ]
        + (0..<100).map { .file("usr/lib/many/\($0)", Array("file \($0 / 2)".utf8)) }

    /// Longer than any first read, half of it incompressible.
    package static let big: [UInt8] = {
        var state: UInt64 = 88_172_645_463_325_252
        var bytes: [UInt8] = []
        bytes.reserveCapacity(600_000)
        for _ in 0..<50_000 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            for shift in stride(from: 0, to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: state >> UInt64(shift)))
            }
        }
        return bytes + [UInt8](repeating: 0x55, count: 200_000)
    }()
}

/// A repository made by the `ostree` command in a folder of its own.
package final class SampleRepository: Sendable {
    package struct Failure: Error, CustomStringConvertible { package let description: String }

    package let path: String
    package let commit: String
    package let tree: [TarEntry]
    private let ref: String
    private let archive: String
    private let folder: ScratchFolder

    /// Commits `tree` to an archive repository, and pulls from there when `mode` is another.
    package init(_ tree: [TarEntry], mode: String = "archive", ref: String = "os/sample") throws {
        folder = try ScratchFolder()
        self.tree = tree
        let archive = folder.file("archive")
        try SampleRepository.create(archive, mode: "archive")
        let tar = folder.file("tree.tar")
        try Data(TarArchive.bytes(of: tree)).write(to: URL(fileURLWithPath: tar))
        commit = try SampleRepository.ostree(
            "commit",
            "--repo=\(archive)",
            "--branch=\(ref)",
            "--subject=a sample",
            "--timestamp=2020-01-01T00:00:00Z",
            "--add-metadata-string=version=1.0",
            "--tree=tar=\(tar)"
        ).trimmingCharacters(in: .whitespacesAndNewlines)
        self.ref = ref
        self.archive = archive
        path = mode == "archive" ? archive : folder.file(mode)
        if mode != "archive" { try pull(mode) }
    }

    /// The path of another repository with the same commit.
    @discardableResult
    package func pull(_ mode: String) throws -> String {
        if mode == "archive" { return archive }
        let path = folder.file(mode)
        if FileManager.default.fileExists(atPath: path) { return path }
        try SampleRepository.create(path, mode: mode)
        try SampleRepository.ostree("pull-local", "--repo=\(path)", archive, ref)
        return path
    }

    /// An empty repository that does not wait for the disk: a test's loss is no loss.
    package static func create(_ path: String, mode: String) throws {
        try ostree("init", "--mode=\(mode)", "--repo=\(path)")
        try ostree("config", "--repo=\(path)", "set", "core.fsync", "false")
    }

    @discardableResult
    package static func ostree(_ arguments: String...) throws -> String {
        // Names outside ASCII need a UTF-8 locale: libarchive converts them.
        let verdict = try Referee.run("ostree", arguments, environment: ["LC_ALL": "C.UTF-8"])
        guard verdict.status == 0 else {
            throw Failure(description: "ostree \(arguments): \(verdict.output)")
        }
        return verdict.output
    }

    package func file(_ name: String) -> String { folder.file(name) }
}
