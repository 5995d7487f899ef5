import Foundation
import OSTree
import SystemPackage
import TestSupport
import Testing

@Suite struct RepositoryErrorTests {
    private func failure(_ body: () throws -> Void) -> OSTreeError? {
        do {
            try body()
            return nil
        } catch {
            return error as? OSTreeError
        }
    }

    @Test func aFolderThatIsNoRepositoryIsRefused() throws {
        let folder = try ScratchFolder()
        let missing = failure { _ = try Repository(path: FilePath(folder.file("none"))) }
        guard case .repositoryMissing = missing else { Issue.record("\(missing as Any)"); return }
        let empty = failure { _ = try Repository(path: FilePath(folder.path)) }
        guard case .notARepository = empty else { Issue.record("\(empty as Any)"); return }
        try Data("nonsense".utf8).write(to: URL(fileURLWithPath: folder.file("config")))
        let nonsense = failure { _ = try Repository(path: FilePath(folder.path)) }
        guard case .notARepository = nonsense else { Issue.record("\(nonsense as Any)"); return }
        let file = failure { _ = try Repository(path: FilePath(folder.file("config"))) }
        guard case .notARepository = file else { Issue.record("\(file as Any)"); return }
    }

    @Test func splitAttributesAreRefusedByName() throws {
        let folder = try ScratchFolder()
        try SampleRepository.ostree("init", "--mode=bare-split-xattrs", "--repo=\(folder.path)")
        let error = failure { _ = try Repository(path: FilePath(folder.path)) }
        guard case .unsupportedMode(_, let mode) = error else {
            Issue.record("\(error as Any)")
            return
        }
        #expect(mode == "bare-split-xattrs")
        #expect("\(error!)".contains("archive"))
    }

    @Test func aWrongRefNamesThoseNear() throws {
        let sample = try SampleRepository(SampleTree.canonical)
        defer { withExtendedLifetime(sample) {} }
        let repository = try Repository(path: FilePath(sample.path))
        #expect(try repository.references() == ["os/sample"])
        for wrong in ["os/sampel", "other/sample", "os/sample^"] {
            let error = failure { _ = try repository.resolve(wrong) }
            if wrong.hasSuffix("^") {
                #expect(error != nil)
                continue
            }
            guard case .referenceNotFound(wrong, _, ["os/sample"]) = error else {
                Issue.record("\(error as Any)")
                continue
            }
        }
        let far = failure { _ = try repository.resolve("fedora/38/x86_64/silverblue") }
        guard case .referenceNotFound(_, _, []) = far else { Issue.record("\(far as Any)"); return }
        let unknown = String(repeating: "a", count: 64)
        let error = failure { _ = try repository.commit(repository.resolve(unknown)) }
        guard case .objectMissing = error else { Issue.record("\(error as Any)"); return }
    }

    /// Every byte of a compressed object counts: header, deflate stream, content.
    @Test func aDamagedObjectIsFound() throws {
        let sample = try SampleRepository(SampleTree.canonical)
        defer { withExtendedLifetime(sample) {} }
        let repository = try Repository(path: FilePath(sample.path))
        let commit = try repository.commit(repository.resolve("os/sample"))
        guard case .file(let checksum) = try repository.entry(at: "usr/share/big", in: commit)
        else {
            Issue.record("no file")
            return
        }
        let hex = checksum.hex
        let path = "\(sample.path)/objects/\(hex.prefix(2))/\(hex.dropFirst(2)).filez"
        let intact = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        // -1 stands for a file that ends early.
        for position in [0, 3, 9, 20, 24, 40, 100, 5_000, 60_000, -1] {
            var bytes = intact
            if position < 0 { bytes.removeLast(10) } else { bytes[position] ^= 0x10 }
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            let error = failure { _ = try repository.openFile(checksum).content(verify: true) }
            guard case .objectCorrupt(let name, let file, _) = error else {
                Issue.record("byte \(position): \(error as Any)")
                continue
            }
            #expect(name.checksum == checksum)
            #expect(file.string == path)
            #expect("\(error!)".contains("ostree fsck"))
        }
    }

    @Test func aDamagedDirTreeAndAMissingFileAreNamed() throws {
        let sample = try SampleRepository(SampleTree.canonical)
        defer { withExtendedLifetime(sample) {} }
        let repository = try Repository(path: FilePath(sample.path))
        let commit = try repository.commit(repository.resolve("os/sample"))
        let hex = commit.rootTree.hex
        let path = "\(sample.path)/objects/\(hex.prefix(2))/\(hex.dropFirst(2)).dirtree"
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        bytes[2] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let corrupt = failure { _ = try repository.objects(of: commit.checksum) }
        guard case .objectCorrupt(ObjectName(commit.rootTree, .dirTree), _, _) = corrupt else {
            Issue.record("\(corrupt as Any)")
            return
        }
        try FileManager.default.removeItem(atPath: path)
        let missing = failure { _ = try repository.objects(of: commit.checksum) }
        guard case .objectMissing(ObjectName(commit.rootTree, .dirTree), _) = missing else {
            Issue.record("\(missing as Any)")
            return
        }
    }
}
