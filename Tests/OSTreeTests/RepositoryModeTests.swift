import Foundation
import OSTree
import SystemPackage
import TestSupport
import Testing

@Suite struct RepositoryModeTests {
    /// Modes that this user can write: bare needs root for foreign owners.
    static let modes = ["archive", "bare-user"] + (geteuid() == 0 ? ["bare"] : [])

    @Test func everyEntryIsReadAsCommitted() throws {
        let sample = try SampleRepository(SampleTree.full)
        defer { withExtendedLifetime(sample) {} }
        for mode in RepositoryModeTests.modes { try check(sample, at: sample.pull(mode)) }
    }

    @Test func canonicalTreesAreReadFromBareUserOnly() throws {
        let sample = try SampleRepository(SampleTree.canonical, mode: "bare-user-only")
        try check(sample, at: sample.path)
    }

    private func check(_ sample: SampleRepository, at path: String) throws {
        let repository = try Repository(path: FilePath(path))
        let commit = try repository.commit(repository.resolve("os/sample"))
        #expect(commit.checksum.hex == sample.commit)
        #expect(commit.subject == "a sample")
        #expect(commit.version == "1.0")
        #expect(commit.timestamp == 1_577_836_800)
        #expect(commit.parent == nil)
        for expected in sample.tree {
            let entry = try #require(try repository.entry(at: expected.path, in: commit))
            switch entry {
            case .directory(_, let meta):
                #expect(expected.content == .directory)
                let meta = try repository.dirMeta(meta)
                #expect(meta.mode == 0o040000 | expected.mode, "\(expected.path)")
                #expect([meta.uid, meta.gid] == [expected.uid, expected.gid])
            case .file(let checksum):
                try check(repository.openFile(checksum), against: expected)
            }
        }
    }

    private func check(_ object: FileObject, against expected: TarEntry) throws {
        let info = object.info
        #expect([info.uid, info.gid] == [expected.uid, expected.gid], "\(expected.path)")
        let attributes = Dictionary(
            uniqueKeysWithValues: info.extendedAttributes.map {
                (String(decoding: $0.name, as: UTF8.self), $0.value)
            }
        )
        #expect(attributes == expected.xattrs, "\(expected.path)")
        let content = try object.content(verify: true)
        switch expected.content {
        case .directory: Issue.record("\(expected.path) is a file")
        case .file(let bytes):
            #expect(content == bytes)
            #expect(info.size == UInt64(bytes.count))
            #expect(info.mode == 0o100000 | expected.mode, "\(expected.path)")
        case .symlink(let target):
            #expect(info.symlinkTarget == Array(target.utf8))
            #expect(info.isSymlink)
        }
    }

    @Test func aParentRepositorySuppliesWhatIsMissing() throws {
        let sample = try SampleRepository(SampleTree.canonical)
        defer { withExtendedLifetime(sample) {} }
        let child = sample.file("child")
        try SampleRepository.ostree("init", "--mode=bare-user", "--repo=\(child)")
        try SampleRepository.ostree("config", "--repo=\(child)", "set", "core.parent", sample.path)
        let repository = try Repository(path: FilePath(child))
        let commit = try repository.commit(repository.resolve("os/sample"))
        #expect(try repository.contents(of: "usr/bin/tool", in: commit) == Array("tool".utf8))
    }

    /// The referee is `ostree ls`: each line ends with the path and holds the object's checksums.
    @Test func allReachableObjectsAreFound() throws {
        let sample = try SampleRepository(SampleTree.full)
        defer { withExtendedLifetime(sample) {} }
        let repository = try Repository(path: FilePath(sample.path))
        let objects = try repository.objects(of: repository.resolve("os/sample"))
        let list = try SampleRepository.ostree(
            "ls",
            "-R",
            "-C",
            "--repo=\(sample.path)",
            "os/sample"
        )
        var trees: Set<String> = []
        var metas: Set<String> = []
        var files: Set<String> = []
        for line in list.split(separator: "\n") {
            let fields = line.split(separator: " ").map(String.init)
            if fields[0].hasPrefix("d") {
                trees.insert(fields[4])
                metas.insert(fields[5])
            } else {
                files.insert(fields[4])
            }
        }
        #expect(Set(objects.dirTrees.map(\.hex)) == trees)
        #expect(Set(objects.dirMetas.map(\.hex)) == metas)
        #expect(Set(objects.files.map(\.hex)) == files)
        #expect(objects.names.count == objects.count)
        let summaries = try repository.summaries(of: objects.files)
        #expect(summaries.map(\.info.size).max() == UInt64(SampleTree.big.count))
        #expect(summaries.allSatisfy { $0.storedSize > 0 || $0.info.isSymlink })
    }
}
