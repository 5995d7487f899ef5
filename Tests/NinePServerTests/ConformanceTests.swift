import CLinux
import NineP
import NinePConformance
import NinePServer
import Testing

/// What a 9P2000.L client may rely on, over every carrier.
@Suite(.serialized) struct ConformanceTests {
    private let tree: TestTree
    private let export: HostTree

    init() throws {
        tree = try TestTree()
        export = try tree.export()
    }

    private func server(_ kind: TransportKind) throws -> TestServer {
        try TestServer(kind, [("first", export), ("second", Namespace([("note", .file([1]))]))])
    }

    @Test(arguments: TransportKind.allCases)
    func versionNegotiation(_ kind: TransportKind) throws {
        let client = try server(kind).connect()
        #expect(try client.version(8192) == (8192, "9P2000.L"))
        #expect(try client.version(524_312) == (524_312, "9P2000.L"))
        #expect(try client.version(.max) == (1 << 20, "9P2000.L"))
        #expect(try client.version(4096) == (4096, "9P2000.L"))
        #expect(try client.version(8192, "9P2000.u").1 == "unknown")
        #expect(refusal { try client.attach(0) } == EPROTO)
        #expect(refusal { try client.version(4095) } == EINVAL)
    }

    @Test(arguments: TransportKind.allCases)
    func attachChoosesAnExport(_ kind: TransportKind) throws {
        let client = try server(kind).connect()
        #expect(refusal { try client.attach(0) } == EPROTO)
        try client.version()
        let first = try client.attach(0)
        #expect(first.kind == .directory)
        #expect(try client.attach(1, "first") == first)
        #expect(try client.attach(2, "/") == first)
        try client.attach(3, "second")
        try client.walk(3, 4, "note")
        #expect(refusal { try client.attach(5, "third") } == ENOENT)
        #expect(refusal { try client.attach(0) } == EBADF)
        #expect(refusal { try client.attach(6, "first", afid: 0) } == EBADF)
        #expect(
            refusal {
                try client.call(.tauth) {
                    $0.tauth(tag: $1, afid: 9, user: [], attachName: [], uid: 0)
                }
            } == ENOENT
        )
    }

    @Test(arguments: TransportKind.allCases)
    func walks(_ kind: TransportKind) throws {
        let client = try server(kind).attach()
        let root = try client.getattr(0).qid
        #expect(try client.walk(0, 1).isEmpty)
        #expect(try client.getattr(1).qid == root)
        let qids = try client.walk(0, 2, "sub", "deep", "x")
        #expect(qids.map(\.kind) == [.directory, .directory, .file])
        #expect(qids.allSatisfy { $0.version != 0 })
        // Above the root is the root.
        #expect(try client.walk(0, 3, "..", "sub", "..", "..") == [root, qids[0], root, root])
        // A walk that ends early makes no fid and tells how far it came.
        #expect(try client.walk(0, 4, "sub", "none", "x") == [qids[0]])
        #expect(refusal { _ = try client.getattr(4) } == EBADF)
        #expect(refusal { try client.walk(0, 4, "none") } == ENOENT)
        #expect(refusal { try client.walk(2, 4, "x") } == ENOTDIR)
        #expect(refusal { try client.walk(2, 4, "..") } == ENOTDIR)
        #expect(refusal { try client.walk(0, 1, "sub") } == EBADF)
        // The same fid moves on, when the walk gets there.
        #expect(try client.walk(1, 1, "sub", "none").count == 1)
        #expect(try client.getattr(1).qid == root)
        try client.walk(1, 1, "sub")
        #expect(try client.getattr(1).qid == qids[0])
        // An open fid can be walked from, and its copy is not open.
        try client.open(1)
        try client.walk(1, 5, "deep")
        try client.walk(1, 6)
        #expect(refusal { _ = try client.readdir(6, after: 0) } == EBADF)
        #expect(refusal { try client.walk(77, 78) } == EBADF)
    }

    @Test(arguments: ["", "a/b", "/", "a\0"])
    func namesThatCannotBe(_ name: String) throws {
        let client = try server(.memory).attach()
        #expect(refusal { try client.walk(0, 1, name) } == EINVAL)
    }

    @Test func longNames() throws {
        let client = try server(.memory).attach()
        let long = [UInt8](repeating: 0x61, count: 256)
        #expect(refusal { try client.walk(0, 1, bytes: [long]) } == ENAMETOOLONG)
        #expect(refusal { try client.walk(0, 1, bytes: [Array(long.dropLast())]) } == ENOENT)
        // A request longer than any that could be served.
        let huge = Array(repeating: [UInt8](repeating: 0x61, count: 4000), count: 16)
        #expect(refusal { try client.walk(0, 1, bytes: huge) } == ENAMETOOLONG)
        try client.walk(0, 1, bytes: [TestTree.rawName])
    }

    @Test(arguments: TransportKind.allCases)
    func reads(_ kind: TransportKind) throws {
        let client = try server(kind).attach()
        try client.walk(0, 1, "big.bin")
        #expect(refusal { _ = try client.read(1, at: 0, count: 1) } == EBADF)
        #expect(try client.open(1).ioUnit == 0)
        let bytes = try client.readAll(1)
        #expect(bytes == (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) })
        #expect(try client.read(1, at: 0, count: .max).count == 65_536 - 11)
        #expect(try client.read(1, at: 299_999, count: 100) == [bytes[299_999]])
        #expect(try client.read(1, at: 300_000, count: 100).isEmpty)
        #expect(try client.read(1, at: UInt64(Int64.max), count: 100).isEmpty)
        #expect(try client.read(1, at: 7, count: 0).isEmpty)
        #expect(refusal { _ = try client.read(1, at: .max, count: 100) } == EINVAL)
        #expect(refusal { try client.open(1) } == EBADF)
        try client.walk(0, 2, "huge")
        try client.open(2)
        #expect(
            try client.read(2, at: TestTree.hugeSize - 3, count: 9) == Array("end".utf8)
        )
        try client.walk(0, 3, "sub")
        try client.open(3)
        #expect(refusal { _ = try client.read(3, at: 0, count: 1) } == EISDIR)
        try client.walk(0, 4, "empty")
        try client.open(4)
        #expect(try client.readAll(4).isEmpty)
    }

    @Test func opensRegularFilesAndDirectoriesOnly() throws {
        let client = try server(.memory).attach()
        for (fid, (name, code)) in [("fifo", EACCES), ("link", ELOOP), ("outside", ELOOP)]
            .enumerated()
        {
            try client.walk(0, UInt32(fid) + 1, name)
            #expect(refusal { try client.open(UInt32(fid) + 1) } == code)
        }
        #expect(try client.walk(0, 9, "outside", "passwd").map(\.kind) == [.symlink])
        try client.walk(0, 10, "a.txt")
        for flags: UInt32 in [1, 2, 3, 0o1000, 0o100] {
            #expect(refusal { try client.open(10, flags: flags) } == EROFS)
        }
        #expect(refusal { try client.open(10, flags: 0o200000) } == ENOTDIR)
        try client.open(10, flags: 0o100000)
    }

    @Test(arguments: TransportKind.allCases)
    func listings(_ kind: TransportKind) throws {
        let client = try server(kind).attach()
        try client.walk(0, 1, "crowd")
        try client.open(1, flags: 0o200000)
        let entries = try client.list(1, count: 1000)
        #expect(entries.count == TestTree.crowdCount + 2)
        #expect(Set(entries.map(\.text)).count == entries.count)
        #expect(entries.allSatisfy { $0.cookie != 0 })
        // Any position can be taken up again.
        for index in [0, 1, 200, entries.count - 2] {
            let again = try client.readdir(1, after: entries[index].cookie)
            #expect(again.first == entries[index + 1])
        }
        #expect(try client.readdir(1, after: 0, count: 60_000).first == entries.first)
        #expect(refusal { _ = try client.readdir(1, after: 0, count: 20) } == EINVAL)
        #expect(try client.readdir(1, after: entries.last!.cookie).isEmpty)
        try client.walk(0, 2, "a.txt")
        #expect(refusal { _ = try client.readdir(2, after: 0) } == EBADF)
        try client.open(2)
        #expect(refusal { _ = try client.readdir(2, after: 0) } == ENOTDIR)
    }

    @Test func entriesAgreeWithWalks() throws {
        let client = try server(.memory).attach()
        try client.walk(0, 1)
        try client.open(1)
        for entry in try client.list(1) {
            let qid = try client.walk(0, 2, bytes: [entry.name])[0]
            #expect(qid.path == entry.qid.path && qid.kind == entry.qid.kind, "\(entry.text)")
            try client.clunk(2)
        }
        let names = try client.list(1).map(\.name)
        #expect(names.contains(TestTree.rawName))
    }

    @Test func attributesAreTheHosts() throws {
        let client = try server(.memory).attach()
        for (index, name) in ["a.txt", "huge", "sub", "link", "fifo", "hard"].enumerated() {
            let fid = UInt32(index) + 1
            try client.walk(0, fid, name)
            let attributes = try client.getattr(fid)
            var status = stat()
            lstat(tree.file(name), &status)
            #expect(attributes.valid == 0x7ff)
            #expect(attributes.mode == status.st_mode)
            #expect(attributes.size == UInt64(status.st_size))
            #expect(attributes.linkCount == UInt64(status.st_nlink))
            #expect(attributes.uid == status.st_uid)
            #expect(attributes.blocks == UInt64(status.st_blocks))
            #expect(attributes.times[2] == UInt64(status.st_mtim.tv_sec))
            #expect(attributes.times[3] == UInt64(status.st_mtim.tv_nsec))
            #expect(attributes.qid.path == UInt64(status.st_ino))
        }
        #expect(try client.getattr(1).qid == client.getattr(6).qid)
        #expect(try client.readlink(4) == "a.txt")
        #expect(refusal { _ = try client.readlink(1) } == EINVAL)
    }

    @Test func sundryRequests() throws {
        let client = try server(.memory).attach()
        let (reply, _) = try client.call(.tstatfs) { $0.fidRequest(.tstatfs, tag: $1, fid: 0) }
        guard case .statfs(let figures) = reply else { throw BrokenReply() }
        #expect(figures.type == 0x0102_1997 && figures.blocks > 0)
        try client.call(.tfsync) { $0.tfsync(tag: $1, fid: 0, dataOnly: 0) }
        let (lock, _) = try client.call(.tlock) {
            $0.tlock(
                tag: $1,
                fid: 0,
                kind: 0,
                flags: 0,
                start: 0,
                length: 0,
                process: 1,
                client: []
            )
        }
        #expect(lock == .lock(status: 0))
        let (probe, _) = try client.call(.tgetlock) {
            $0.tgetlock(
                tag: $1,
                fid: 0,
                kind: 0,
                start: 1,
                length: 2,
                process: 3,
                client: [0x61]
            )
        }
        guard case .getlock(let range) = probe else { throw BrokenReply() }
        #expect(range.kind == 2 && range.start == 1 && range.length == 2 && range.process == 3)
        try client.flush(99)
        try client.clunk(0)
        #expect(refusal { try client.clunk(0) } == EBADF)
    }

    @Test func versionInMidSessionForgetsAllFids() throws {
        let client = try server(.memory).attach()
        try client.walk(0, 1, "a.txt")
        try client.version(4096)
        #expect(refusal { _ = try client.getattr(1) } == EBADF)
        try client.attach(1)
    }
}
