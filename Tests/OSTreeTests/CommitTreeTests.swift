import Foundation
import NinePServer
import OSTree
import OSTreeExport
import SystemPackage
import TestSupport
import Testing

@Suite struct CommitTreeTests {
    static let isRoot = geteuid() == 0
    static let modes = ["archive", "bare-user"] + (isRoot ? ["bare"] : [])

    /// What the view adds to a commit, all of it.
    private func isAddition(_ path: String, _ tree: [TarEntry]) -> Bool {
        let added = MountPoint.standard.map { "/" + $0.path } + ["/etc", "/builddisks"]
        let own = tree.contains { "/" + $0.path == path }
        return !own && added.contains { path == $0 || path.hasPrefix($0 + "/") }
    }

    private func expected(_ tree: [TarEntry]) -> [String: ListedEntry] {
        var entries: [String: ListedEntry] = [:]
        for item in tree {
            var entry = ListedEntry(mode: item.mode, uid: item.uid, gid: item.gid)
            entry.xattrs = item.xattrs
            switch item.content {
            case .directory: entry.mode |= S_IFDIR
            case .symlink(let target):
                entry.mode |= S_IFLNK
                entry.target = target
            case .file(let bytes):
                entry.mode |= S_IFREG
                entry.size = UInt64(bytes.count)
                entry.content = SHA256.checksum(of: bytes).hex
            }
            entries[item.path.isEmpty ? "" : "/" + item.path] = entry
        }
        return entries
    }

    private func compare(_ found: [String: ListedEntry], _ wanted: [String: ListedEntry]) {
        for path in Set(found.keys).union(wanted.keys).sorted() {
            #expect(found[path] == wanted[path], "\(path)")
        }
    }

    // MARK: The same as committed

    @Test func theViewIsTheCommit() throws {
        let sample = try SampleRepository(SampleTree.full)
        for mode in CommitTreeTests.modes {
            let view = try ViewWalker(sample.view(mode: mode)).listing
            compare(
                view.dropping { isAddition($0, sample.tree) }.entries,
                expected(SampleTree.full)
            )
        }
    }

    @Test func theViewOfACanonicalCommitIsTheCommit() throws {
        let sample = try SampleRepository(SampleTree.canonical, mode: "bare-user-only")
        defer { withExtendedLifetime(sample) {} }
        let view = try ViewWalker(sample.view()).listing
        compare(
            view.dropping { isAddition($0, sample.tree) }.entries,
            expected(SampleTree.canonical)
        )
    }

    /// The referee is a checkout by root from a bare repository, where objects are hard links.
    @Test(.enabled(if: isRoot, "only root can check out foreign owners"))
    func theViewIsWhatRootChecksOut() throws {
        let sample = try SampleRepository(SampleTree.full, mode: "bare")
        let folder = sample.file("checkout")
        try SampleRepository.ostree("checkout", "--repo=\(sample.path)", "os/sample", folder)
        let checkout = try HostWalker(folder).listing
        for mode in CommitTreeTests.modes {
            let walker = try ViewWalker(sample.view(mode: mode))
            let view = walker.listing.dropping { isAddition($0, sample.tree) }
            compare(view.entries, checkout.entries)
            #expect(view.groups == checkout.groups)
            #expect(view.groups.contains(["/usr/share/copy-a", "/usr/share/copy-b"]))
            for path in view.groups.joined() {
                let group = view.groups.first { $0.contains(path) }
                #expect(walker.linkCounts[path] == UInt64(group?.count ?? 1), "\(path)")
            }
        }
    }

    // MARK: What the view adds

    @Test func etcAndMountPointsAreThere() throws {
        let sample = try SampleRepository(SampleTree.full)
        defer { withExtendedLifetime(sample) {} }
        let walker = try ViewWalker(sample.view())
        let view = walker.listing
        for (path, entry) in view.entries where path.hasPrefix("/usr/etc") {
            #expect(view.entries[String(path.dropFirst(4))] == entry, "\(path)")
        }
        for point in MountPoint.standard {
            let entry = try #require(view.entries["/" + point.path])
            #expect(entry.mode & S_IFMT == S_IFDIR)
        }
        #expect(view.entries["/tmp"]?.mode == S_IFDIR | 0o1777)
        // A copy: no inode of /etc is one of /usr/etc.
        #expect(!view.groups.contains { $0.contains { $0.hasPrefix("/etc/") } })
        #expect(walker.linkCounts["/etc/passwd"] == 1)
    }

    @Test(arguments: [false, true]) func theCommitsOwnEtc(isPopulated: Bool) throws {
        var tree = SampleTree.canonical
        tree.append(.directory("etc", mode: 0o700))
        if isPopulated { tree.append(.file("etc/own", Array("own".utf8))) }
        tree.append(.symlink("tmp", to: "sysroot/tmp"))
        let sample = try SampleRepository(tree)
        defer { withExtendedLifetime(sample) {} }
        let view = try ViewWalker(sample.view()).listing
        #expect((view.entries["/etc/own"] != nil) == isPopulated)
        #expect((view.entries["/etc/passwd"] != nil) != isPopulated)
        #expect(view.entries["/etc"]?.mode == S_IFDIR | (isPopulated ? 0o700 : 0o755))
        #expect(view.entries["/tmp"]?.target == "sysroot/tmp")
    }

    // MARK: Behaviour

    @Test func errorsAreThoseOfAFileSystem() throws {
        let sample = try SampleRepository(SampleTree.canonical)
        defer { withExtendedLifetime(sample) {} }
        let root = try sample.view().root()
        func node(_ path: String) throws(Errno) -> any Node {
            var node = root
            for part in path.split(separator: "/") {
                node = try node.child(named: Array(part.utf8))
            }
            return node
        }
        #expect(throws: Errno.noSuchFileOrDirectory) { try node("usr/none") }
        #expect(throws: Errno.noSuchFileOrDirectory) { try node("builddisks/none") }
        #expect(throws: Errno.notDirectory) { try node("usr/bin/tool/x") }
        #expect(throws: Errno.isDirectory) { try node("usr").openFile() }
        #expect(throws: Errno.tooManySymbolicLinkLevels) { try node("home").openFile() }
        #expect(throws: Errno.notDirectory) { try node("usr/bin/tool").openDirectory() }
        #expect(throws: Errno.invalidArgument) { try node("usr/bin/tool").symlinkTarget() }
        #expect(throws: Errno.noData) {
            try node("usr").extendedAttribute(named: Array("user.none".utf8))
        }
        #expect(root.parent() === root)
        #expect(try node("usr/bin").parent().parent().qid == root.qid)
    }

    @Test func directoriesCanBeReadFromAnyCookie() throws {
        let sample = try SampleRepository(SampleTree.canonical)
        defer { withExtendedLifetime(sample) {} }
        let root = try sample.view().root()
        let many = try root.child(named: Array("usr".utf8)).child(named: Array("lib".utf8))
            .child(named: Array("many".utf8))
        let directory = try many.openDirectory()
        var all: [NamedEntry] = []
        try directory.entries(after: 0) {
            all.append(NamedEntry($0, $1)); return true
        }
        #expect(all.count == 102)
        for start in [0, 1, 2, 50, 101] {
            var rest: [NamedEntry] = []
            try directory.entries(after: all[start].entry.cookie) {
                rest.append(NamedEntry($0, $1)); return rest.count < 7
            }
            #expect(rest.map(\.name) == all.dropFirst(start + 1).prefix(7).map(\.name))
        }
        try directory.entries(after: .max) { _, _ in
            Issue.record("an entry past the end")
            return false
        }
    }

    @Test func aDamagedObjectIsAnErrorThatNamesIt() throws {
        let sample = try SampleRepository(SampleTree.canonical)
        defer { withExtendedLifetime(sample) {} }
        let export = try sample.view()
        let repository = try Repository(path: FilePath(sample.path))
        let commit = try repository.commit(repository.resolve("os/sample"))
        guard case .file(let checksum) = try repository.entry(at: "usr/share/big", in: commit)
        else {
            Issue.record("no file")
            return
        }
        let path = "\(sample.path)/objects/\(objectPath(checksum)).filez"
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        bytes[100_000] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        #expect(throws: Errno.ioError) { try ViewWalker(export) }
        #expect("\(export.readFailures)".contains(checksum.hex))
    }

    private func objectPath(_ checksum: Checksum) -> String {
        "\(checksum.hex.prefix(2))/\(checksum.hex.dropFirst(2))"
    }

    /// Stored plain, an object is opened by itself, when its metadata is known already.
    @Test func anObjectThatVanishesIsAnErrorThatNamesIt() throws {
        let sample = try SampleRepository(SampleTree.canonical)
        defer { withExtendedLifetime(sample) {} }
        let path = try sample.pull("bare-user")
        let repository = try Repository(path: FilePath(path))
        let commit = try repository.commit(repository.resolve("os/sample"))
        let export = try CommitTree(repository: repository, commit: commit)
        let node = try ["usr", "share", "big"].reduce(export.root()) {
            try $0.child(named: Array($1.utf8))
        }
        guard case .file(let checksum) = try repository.entry(at: "usr/share/big", in: commit)
        else {
            Issue.record("no file")
            return
        }
        try FileManager.default.removeItem(atPath: "\(path)/objects/\(objectPath(checksum)).file")
        #expect(throws: Errno.ioError) { try node.openFile() }
        #expect("\(export.readFailures)".contains("\(checksum.hex).file is missing"))
    }

    /// Pulled in part, or damaged: all else is served, with the links that are there, and looked for
    /// once.
    @Test(arguments: [false, true]) func aDirtreeThatIsNotThereIsMissedOnlyThere(
        isDamaged: Bool
    ) throws {
        let sample = try SampleRepository(SampleTree.canonical)
        defer { withExtendedLifetime(sample) {} }
        let repository = try Repository(path: FilePath(sample.path))
        let commit = try repository.commit(repository.resolve("os/sample"))
        guard
            case .directory(let checksum, _) = try repository.entry(at: "usr/lib/many", in: commit)
        else {
            Issue.record("no directory")
            return
        }
        let path = "\(sample.path)/objects/\(objectPath(checksum)).dirtree"
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        if isDamaged {
            try Data(bytes.dropLast() + [7]).write(to: URL(fileURLWithPath: path))
        } else {
            try FileManager.default.removeItem(atPath: path)
        }
        let export = try sample.view()
        func attributes(_ path: String) throws -> Attributes {
            try path.split(separator: "/").reduce(export.root()) {
                try $0.child(named: Array($1.utf8))
            }.attributes()
        }
        #expect(try attributes("usr/bin/tool").linkCount == 1)
        #expect(try attributes("usr/share/copy-a").linkCount == 2)
        #expect(export.readFailures.count == 1)
        #expect("\(export.readFailures)".contains(checksum.hex))
        #expect(throws: Errno.ioError) { try attributes("usr/lib/many") }
        // Found again, it does not change what was told of others.
        try bytes.write(to: URL(fileURLWithPath: path))
        #expect(try attributes("usr/lib/many").linkCount == 2)
        #expect(try attributes("usr/lib/many/0").linkCount == 1)
    }
}
