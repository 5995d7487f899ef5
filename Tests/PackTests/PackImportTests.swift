import ByteStream
import CLinux
import Foundation
import GuestProtocol
import OSTree
import Synchronization
import SystemIO
import SystemPackage
import TestSupport
import Testing

@testable import GuestAgent
@testable import Pack

/// Host and guest put together over a socket pair: what arrives is what `ostree pull-local` makes.
@Suite struct PackImportTests {
    @Test(.enabled(if: getuid() == 0), arguments: ["archive", "bare", "bare-user"])
    func anImportIsWhatPullLocalMakes(mode: String) throws {
        let sample = try SampleRepository(SampleTree.full, mode: mode)
        let folder = try ScratchFolder()
        let expected = folder.file("expected")
        let actual = folder.file("actual")
        for path in [expected, actual] { try SampleRepository.create(path, mode: "bare") }
        try SampleRepository.ostree(
            "pull-local",
            "--untrusted",
            "--repo=\(expected)",
            sample.path,
            "os/sample"
        )
        try Self.transfer(from: sample, into: actual)
        #expect(try Self.listing(actual) == Self.listing(expected))
        try SampleRepository.ostree("fsck", "--repo=\(actual)")
        #expect(
            try SampleRepository.ostree("rev-parse", "--repo=\(actual)", "os/sample")
                .contains(sample.commit)
        )
    }

    @Test(.enabled(if: getuid() == 0))
    func onlyWhatIsMissingComes() throws {
        let first = try SampleRepository(SampleTree.canonical)
        let second = try SampleRepository(SampleTree.full)
        let folder = try ScratchFolder()
        let path = folder.file("repo")
        try SampleRepository.create(path, mode: "bare")
        let all = try Self.transfer(from: first, into: path)
        let more = try Self.transfer(from: second, into: path)
        #expect(all.objects == all.totalObjects && all.totalObjects > 60)
        #expect(more.objects == more.totalObjects && more.totalObjects < 40)
        // The commit comes again, and is there: an import that has nothing to do is an error of
        // whoever asks for it.
        let failure = #expect(throws: Failure.self) {
            try Self.transfer(from: second, into: path)
        }
        #expect(failure?.errno == EEXIST)
        try SampleRepository.ostree("fsck", "--repo=\(path)")
    }

    @Test(.enabled(if: getuid() == 0), arguments: [true, false])
    func aBadObjectIsNamed(isMissing: Bool) throws {
        let sample = try SampleRepository(SampleTree.full)
        let big = try SampleRepository.ostree(
            "ls", "-C", "--repo=\(sample.path)", "os/sample", "/usr/share/big"
        )
        let checksum = try #require(big.split(separator: " ").first { $0.count == 64 })
        let file = "\(sample.path)/objects/\(checksum.prefix(2))/\(checksum.dropFirst(2)).filez"
        var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        try FileManager.default.removeItem(atPath: file)
        if !isMissing {
            bytes[bytes.count / 2] ^= 0x55
            try bytes.write(to: URL(fileURLWithPath: file))
        }
        let folder = try ScratchFolder()
        let path = folder.file("repo")
        try SampleRepository.create(path, mode: "bare")
        let failure = #expect(throws: Failure.self) {
            try Self.transfer(from: sample, into: path)
        }
        #expect(failure?.kind == .badPack)
        #expect(failure?.subject.contains(checksum) == true)
        #expect(!FileManager.default.fileExists(atPath: path + "/refs/heads/os/sample"))
    }

    /// Sends the sample's commit into a bare repository.
    @discardableResult
    static func transfer(
        from sample: SampleRepository,
        into path: String
    ) throws -> PackProgress {
        let repository = try Repository(path: FilePath(sample.path))
        let progress = Mutex(PackProgress(objects: 0, totalObjects: 0, bytes: 0, totalBytes: 0))
        let service = PackService(
            try PackSource(
                repository: repository,
                commit: try #require(Checksum(hex: sample.commit))
            )
        ) { new in progress.withLock { $0 = new } }
        let (host, guest) = try socketPair()
        let connection = try SocketCarrier(host)
        connection.serve(service)
        defer { connection.end() }
        try BareRepository(FilePath(path), ref: "os/sample").fill(
            from: guest,
            isCancelled: { false }
        )
        return progress.withLock { $0 }
    }

    static func socketPair() throws -> (SharedFD, SharedFD) {
        var ends: [CInt] = [-1, -1]
        try syscall { socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) }
        return (SharedFD(OwnedFD(ends[0])), SharedFD(OwnedFD(ends[1])))
    }

    /// Everything below a repository that `pull-local` decides.
    static func listing(_ path: String) throws -> String {
        let script = """
            cd '\(path)' && find . -path ./tmp -prune -o -printf '%p %y %m %U %G %l %s ' \
            \\( -type f -path './objects/*.file' -printf '%T@' -o -true \\) \
            \\( -type d -printf ' -' -o -true \\) -printf '\\n' | sed 's/ [0-9]*  -$//' | sort
            find objects refs -type f | sort | xargs sha256sum
            getfattr -R -h -d -m - -e hex objects 2>/dev/null
            """
        let result = try runCommand(["sh", "-c", script])
        #expect(result.status == 0, "\(result.errors)")
        return result.output
    }
}
