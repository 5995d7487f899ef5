import CLinux
import Compose
import DiskImage
import Foundation
import OSTree
import SystemPackage
import TestSupport
import Testing

private let mayMount =
    geteuid() == 0 && FileManager.default.fileExists(atPath: "/dev/loop-control")

/// Composed disks against what this host's `ostree` makes of the same commit: the same version, so
/// the same disk. Mounting and foreign owners want root; the VM tests compare without.
@Suite(.enabled(if: mayMount, "needs root and loop devices"))
struct EquivalenceTests {

    /// One path of a tree, as far as it has to be the same: inode numbers are not, and of times
    /// only whether libostree fixed them to 0.
    private struct Entry: Equatable {
        var mode: UInt32
        var uid: UInt32
        var gid: UInt32
        var links: UInt64
        var content: Data
        var xattrs: [String: [UInt8]]
        var hasFixedTime: Bool
        var isImmutable: Bool
        var sameFileAs: String
    }

    @Test(arguments: ["no policy", "enforcing", "disabled"])
    func `a composed disk equals what ostree makes`(policy: String) throws {
        let version = try hostVersion()
        let sample = try SampleRepository(
            policy == "no policy"
                ? BootableTree.entries(libostree: version)
                : LabelledTree.entries(libostree: version, mode: policy)
        )
        let scratch = try ScratchFolder()
        let oracle = scratch.file("oracle")
        try makeSysroot(at: oracle, boot: scratch.file("boot"), sample)
        defer { _ = try? Referee.run("chattr", ["-R", "-i", oracle]) }

        let disk = try ComposedDisk(try plan(sample))
        for (role, expected) in [(PartitionRole.root, oracle), (.boot, scratch.file("boot"))] {
            let mount = scratch.file("mount-\(role.rawValue)")
            try FileManager.default.createDirectory(
                atPath: mount,
                withIntermediateDirectories: true
            )
            let mounted = try Referee.run(
                "mount",
                ["-o", "loop,ro", try disk.partition(role), mount]
            )
            try #require(mounted.status == 0, "\(mounted.output)")
            defer { _ = try? Referee.run("umount", [mount]) }
            let ours = try listing(mount)
            let theirs = try listing(expected)
            let ownPaths: Set = ["lost+found", "syslinux/ldlinux.sys", "syslinux/ldlinux.c32"]
            for path in Set(ours.keys).union(theirs.keys).subtracting(ownPaths) {
                #expect(ours[path] == theirs[path], "\(role.rawValue): \(path)")
            }
            #expect(ours.count > (role == .root ? 300 : 10))
        }
    }

    private func hostVersion() throws -> String {
        let output = try SampleRepository.ostree("--version")
        let line = try #require(
            output.split(separator: "\n").first { $0.contains("Version:") }
        )
        return line.filter { $0.isNumber || $0 == "." }
    }

    /// The documented steps, with a /boot of its own.
    private func makeSysroot(at path: String, boot: String, _ sample: SampleRepository) throws {
        let files = FileManager.default
        for folder in [path, path + "/boot", boot] {
            try files.createDirectory(
                atPath: folder,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o755]
            )
        }
        let source = path + "-source"
        try files.createDirectory(atPath: source, withIntermediateDirectories: true)
        for mount in [path + "/boot", source] {
            let mounted = try Referee.run("mount", ["-t", "tmpfs", "-o", "mode=755", "own", mount])
            try #require(mounted.status == 0, "\(mounted.output)")
        }
        defer { for mount in [path + "/boot", source] { _ = try? Referee.run("umount", [mount]) } }
        // From another file system: else libostree links metadata objects instead of copying them.
        let moved = try Referee.run("cp", ["-a", sample.path + "/.", source])
        try #require(moved.status == 0, "\(moved.output)")
        try SampleRepository.ostree("admin", "init-fs", "--modern", path)
        try SampleRepository.ostree("admin", "os-init", "--sysroot=\(path)", "demo")
        try SampleRepository.ostree(
            "--repo=\(path)/ostree/repo",
            "pull-local",
            "--untrusted",
            "--disable-fsync",
            source,
            "os/sample"
        )
        try files.createDirectory(
            atPath: path + "/boot/loader.0",
            withIntermediateDirectories: true
        )
        try Data().write(to: URL(fileURLWithPath: path + "/boot/loader.0/syslinux.cfg"))
        try files.createSymbolicLink(
            atPath: path + "/boot/loader",
            withDestinationPath: "loader.0"
        )
        try files.createDirectory(
            atPath: path + "/boot/syslinux",
            withIntermediateDirectories: true
        )
        try files.createSymbolicLink(
            atPath: path + "/boot/syslinux/syslinux.cfg",
            withDestinationPath: "../loader/syslinux.cfg"
        )
        try SampleRepository.ostree(
            "admin",
            "deploy",
            "--sysroot=\(path)",
            "--os=demo",
            "--karg-append=root=LABEL=gnostree-root",
            "--karg-append=rw",
            "--karg-append=console=tty0",
            "--karg-append=console=ttyS0",
            "os/sample"
        )
        let copied = try Referee.run("cp", ["-a", path + "/boot/.", boot])
        try #require(copied.status == 0, "\(copied.output)")
    }

    private func listing(_ root: String) throws -> [String: Entry] {
        var entries: [String: Entry] = [:]
        var names: [UInt64: String] = [:]
        var device: UInt?
        func visit(_ path: String) throws {
            var status = stat()
            let full = path.isEmpty ? root : root + "/" + path
            try #require(lstat(full, &status) == 0)
            let kind = status.st_mode & S_IFMT
            if kind != S_IFDIR && names[UInt64(status.st_ino)] == nil {
                names[UInt64(status.st_ino)] = path
            }
            var content = Data()
            if kind == S_IFREG { content = try Data(contentsOf: URL(fileURLWithPath: full)) }
            if kind == S_IFLNK {
                content = Data(
                    try FileManager.default.destinationOfSymbolicLink(atPath: full).utf8
                )
            }
            // How a file system counts a folder's links is its own affair.
            entries[path] = Entry(
                mode: status.st_mode,
                uid: status.st_uid,
                gid: status.st_gid,
                links: kind == S_IFDIR ? 0 : UInt64(status.st_nlink),
                content: content,
                xattrs: try attributes(full),
                hasFixedTime: status.st_mtim.tv_sec == 0,
                isImmutable: kind == S_IFDIR ? isImmutable(full) : false,
                sameFileAs: names[UInt64(status.st_ino)] ?? ""
            )
            guard kind == S_IFDIR, device == nil || device == status.st_dev else { return }
            device = status.st_dev
            for name in try FileManager.default.contentsOfDirectory(atPath: full).sorted() {
                try visit(path.isEmpty ? name : path + "/" + name)
            }
        }
        try visit("")
        return entries
    }

    private func attributes(_ path: String) throws -> [String: [UInt8]] {
        var names = [CChar](repeating: 0, count: 65_536)
        let length = llistxattr(path, &names, names.count)
        guard length > 0 else { return [:] }
        var found: [String: [UInt8]] = [:]
        for piece in names[..<length].split(separator: 0) {
            let name = String(decoding: piece.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            var value = [UInt8](repeating: 0, count: 65_536)
            let size = lgetxattr(path, name, &value, value.count)
            if size >= 0 { found[name] = Array(value[..<size]) }
        }
        return found
    }

    private func isImmutable(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var flags: CInt = 0
        guard clinux_ioctl(descriptor, CLINUX_FS_IOC_GETFLAGS, &flags) == 0 else { return false }
        return flags & 0x10 != 0
    }
}
