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
    /// Without the file whose attributes the commit has in an order that no file system keeps:
    /// `ostree fsck` finds fault with it in every bare repository.
    static let tree = SampleTree.full.filter { $0.path != "usr/share/attributed" }

    @Test(.enabled(if: getuid() == 0), arguments: ["archive", "bare", "bare-user"])
    func anImportIsWhatPullLocalMakes(mode: String) throws {
        let sample = try SampleRepository(Self.tree, mode: mode)
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
        let second = try SampleRepository(Self.tree)
        let folder = try ScratchFolder()
        let path = folder.file("repo")
        try SampleRepository.create(path, mode: "bare")
        let all = try Self.transfer(from: first, into: path)
        let more = try Self.transfer(from: second, into: path)
        #expect(all.objects == all.totalObjects && all.totalObjects > 60)
        #expect(more.objects == more.totalObjects && more.totalObjects < 40)
        // As for the same commit with another plan: only the commit comes again.
        #expect(try Self.transfer(from: second, into: path).totalObjects == 1)
        try SampleRepository.ostree("fsck", "--repo=\(path)")
    }

    /// Of a commit that was pulled in part the objects count that are there.
    @Test(.enabled(if: getuid() == 0))
    func aCommitInPartIsCompleted() throws {
        let sample = try SampleRepository(Self.tree)
        let folder = try ScratchFolder()
        let path = folder.file("repo")
        try SampleRepository.create(path, mode: "bare")
        try Self.transfer(from: sample, into: path)
        let (file, _) = try Self.object("/usr/share/big", in: sample)
        let name = file.split(separator: "/").suffix(2).joined(separator: "/").dropLast()
        try FileManager.default.removeItem(atPath: "\(path)/objects/\(name)")
        #expect(try Self.transfer(from: sample, into: path).totalObjects == 1)
        try Data().write(to: URL(fileURLWithPath: "\(path)/state/\(sample.commit).commitpartial"))
        #expect(try Self.transfer(from: sample, into: path).totalObjects == 2)
        try SampleRepository.ostree("fsck", "--repo=\(path)")
    }

    /// Objects that belong to no commit, and symbolic links among them, are as good as those that come.
    @Test(.enabled(if: getuid() == 0))
    func whatIsThereWithoutACommitStays() throws {
        let sample = try SampleRepository(Self.tree)
        let folder = try ScratchFolder()
        let path = folder.file("repo")
        try SampleRepository.create(path, mode: "bare")
        let all = try Self.transfer(from: sample, into: path).totalObjects
        let listing = try Self.listing(path)
        try SampleRepository.ostree("refs", "--repo=\(path)", "--delete", "os")
        let commit = "objects/\(sample.commit.prefix(2))/\(sample.commit.dropFirst(2)).commit"
        try FileManager.default.removeItem(atPath: "\(path)/\(commit)")
        #expect(try Self.transfer(from: sample, into: path).totalObjects == all)
        #expect(try Self.listing(path) == listing)
    }

    /// What has lost its last ref is seen, and is what a prune removes.
    @Test(.enabled(if: getuid() == 0))
    func aCommitWithoutARefIsFound() throws {
        let folder = try ScratchFolder()
        let path = folder.file("repo")
        try SampleRepository.create(path, mode: "bare")
        let first = try SampleRepository(SampleTree.canonical)
        try Self.transfer(from: first, into: path)
        let repository = try BareRepository(FilePath(path), ref: nil)
        #expect(try repository.unreferencedCommits() == [])
        // The ref goes to the next commit; the first one has another, as a deployment gives it.
        try SampleRepository.ostree("refs", "--repo=\(path)", "os/sample", "--create=ostree/0/1/0")
        try Self.transfer(from: try SampleRepository(Self.tree), into: path)
        #expect(try repository.unreferencedCommits() == [])
        try SampleRepository.ostree("refs", "--repo=\(path)", "--delete", "ostree/0/1/0")
        #expect(try repository.unreferencedCommits() == [first.commit])
        try SampleRepository.ostree("prune", "--repo=\(path)", "--refs-only")
        #expect(try repository.unreferencedCommits() == [])
    }

    /// More than host and guest hold at once: both wait for each other many times.
    @Test(.enabled(if: getuid() == 0))
    func aLongPackPassesThroughLittleMemory() throws {
        let files = (0..<24).map { index in
            TarEntry.file(
                "usr/share/long-\(index)",
                [UInt8](repeating: UInt8(index), count: 2_000_003)
            )
        }
        let sample = try SampleRepository(Self.tree + files)
        let folder = try ScratchFolder()
        let path = folder.file("repo")
        try SampleRepository.create(path, mode: "bare")
        let progress = try Self.transfer(from: sample, into: path)
        #expect(progress.bytes > 48_000_000)
        try SampleRepository.ostree("fsck", "--repo=\(path)")
    }

    /// A file longer than all that may be on the way goes in pieces, among others.
    @Test(.enabled(if: getuid() == 0), arguments: ["archive", "bare"])
    func aLongFileIsNeverHeldWhole(mode: String) throws {
        let sample = try SampleRepository(Self.tree + [Self.longFile], mode: mode)
        let folder = try ScratchFolder()
        let path = folder.file("repo")
        try SampleRepository.create(path, mode: "bare")
        let (progress, outcome) = try Self.transferWhole(from: sample, into: path)
        try outcome.get()
        #expect(progress.objects == progress.totalObjects)
        #expect(progress.bytes > 44_000_000 && progress.bytes <= progress.totalBytes)
        #expect(progress.largestQueue < 12 << 20, "\(progress.largestQueue) bytes in memory")
        try SampleRepository.ostree("fsck", "--repo=\(path)")
    }

    @Test(.enabled(if: getuid() == 0))
    func aDamagedLongFileEndsThePack() throws {
        let sample = try SampleRepository(Self.tree + [Self.longFile])
        let (file, checksum) = try Self.object("/\(Self.longFile.path)", in: sample)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        bytes[bytes.count / 2] ^= 0x55
        try FileManager.default.removeItem(atPath: file)
        try bytes.write(to: URL(fileURLWithPath: file))
        let folder = try ScratchFolder()
        let path = folder.file("repo")
        try SampleRepository.create(path, mode: "bare")
        let (progress, outcome) = try Self.transferWhole(from: sample, into: path)
        let failure = #expect(throws: Failure.self) { try outcome.get() }
        #expect(failure?.kind == .badPack)
        #expect("\(try #require(progress.failure))".contains(checksum))
        #expect(!FileManager.default.fileExists(atPath: path + "/refs/heads/os/sample"))
    }

    private static let longFile = TarEntry.file(
        "usr/share/long",
        [UInt8](unsafeUninitializedCapacity: 45_000_001) { buffer, count in
            for index in buffer.indices { buffer[index] = UInt8(truncatingIfNeeded: index / 1000) }
            count = buffer.count
        }
    )

    @Test(.enabled(if: getuid() == 0), arguments: [true, false])
    func aBadObjectIsNamed(isMissing: Bool) throws {
        let sample = try SampleRepository(Self.tree)
        let (file, checksum) = try Self.object("/usr/share/big", in: sample)
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

    @Test(arguments: ["", "BLDPACK\n\t\0\0\0", "a host that speaks of something else. "])
    func aStreamThatIsNoPackIsRefused(text: String) throws {
        let bytes = Array(String(repeating: text, count: 50_000).utf8)
        let folder = try ScratchFolder()
        let path = folder.file("repo")
        try SampleRepository.create(path, mode: "bare-user-only")
        let (host, guest) = try Self.socketPair()
        _ = try Thread(name: "host") {
            _ = try? writeAll(host.rawValue, bytes)
            _ = shutdown(host.rawValue, CInt(SHUT_WR))
        }
        let destination = try BareRepository(FilePath(path), ref: "os/sample")
        let failure = #expect(throws: Failure.self) {
            try destination.fill(from: guest, isCancelled: { false })
        }
        #expect(failure?.kind == .badPack)
        #expect(try FileManager.default.subpathsOfDirectory(atPath: path + "/objects") == [])
        #expect(!FileManager.default.fileExists(atPath: path + "/refs/heads/os/sample"))
    }

    /// Path and checksum of a file's object in an archive repository.
    private static func object(
        _ path: String,
        in sample: SampleRepository
    ) throws -> (file: String, checksum: String) {
        let line = try SampleRepository.ostree(
            "ls",
            "-C",
            "--repo=\(sample.path)",
            "os/sample",
            path
        )
        let checksum = String(
            try #require(line.split(separator: " ").first { $0.utf8.count == 64 })
        )
        let name = "\(checksum.prefix(2))/\(checksum.dropFirst(2)).filez"
        return ("\(sample.path)/objects/\(name)", checksum)
    }

    /// What the host's end of a transfer saw.
    @dynamicMemberLookup struct HostSide {
        var progress: PackProgress
        var largestQueue: Int
        var failure: OSTreeError?

        subscript<Value>(dynamicMember path: KeyPath<PackProgress, Value>) -> Value {
            progress[keyPath: path]
        }
    }

    /// Sends the sample's commit into a bare repository.
    @discardableResult
    static func transfer(from sample: SampleRepository, into path: String) throws -> PackProgress {
        let (host, outcome) = try transferWhole(from: sample, into: path)
        try outcome.get()
        return host.progress
    }

    /// As `transfer`, with both ends' outcome.
    static func transferWhole(
        from sample: SampleRepository,
        into path: String
    ) throws -> (HostSide, Result<Void, Failure>) {
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
        let destination = try BareRepository(FilePath(path), ref: "os/sample")
        let outcome = Result { () throws(Failure) in
            try destination.fill(from: guest, isCancelled: { false })
        }
        let side = HostSide(
            progress: progress.withLock { $0 },
            largestQueue: connection.largestQueue,
            failure: service.failure
        )
        return (side, outcome)
    }

    static func socketPair() throws -> (SharedFD, SharedFD) {
        var ends: [CInt] = [-1, -1]
        try syscall { socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) }
        return (SharedFD(OwnedFD(ends[0])), SharedFD(OwnedFD(ends[1])))
    }

    /// Everything below a repository that `pull-local` decides.
    static func listing(_ path: String) throws -> [String] {
        let script = """
            import hashlib, os, sys
            for folder, folders, files in os.walk(sys.argv[1]):
                folders[:] = [n for n in folders if n != "tmp"]
                for name in folders + files:
                    path = os.path.join(folder, name)
                    status = os.lstat(path)
                    text = ""
                    if os.path.islink(path): text = os.readlink(path)
                    elif os.path.isfile(path): text = hashlib.sha256(open(path, "rb").read()).hexdigest()
                    size = status.st_size if not os.path.isdir(path) else 0
                    time = status.st_mtime_ns if name.endswith(".file") and not os.path.islink(path) else ""
                    attributes = sorted((a, os.getxattr(path, a, follow_symlinks=False))
                        for a in os.listxattr(path, follow_symlinks=False))
                    print(os.path.relpath(path, sys.argv[1]), oct(status.st_mode), status.st_uid,
                        status.st_gid, size, time, text, attributes)
            """
        let result = try runCommand(["python3", "-c", script, path])
        #expect(result.status == 0, "\(result.errors)")
        return result.output.split(separator: "\n").map(String.init).sorted()
    }
}
