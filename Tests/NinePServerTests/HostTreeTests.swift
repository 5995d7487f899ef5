import ByteStream
import CLinux
import NineP
import NinePConformance
import NinePServer
import SystemIO
import SystemPackage
import TestSupport
import Testing

@Suite struct HostTreeTests {
    private let tree: TestTree
    /// Longer than anything about the host is believed, in microseconds.
    private static let disbelief: UInt32 = 150_000

    init() throws { tree = try TestTree() }

    @Test func manyFidsNeedFewDescriptors() throws {
        let budget = DescriptorBudget(limit: 16)
        let export = try HostTree(path: FilePath(tree.folder.path), budget: budget)
        let client = try TestServer(.memory, [("", export)]).attach()
        let count = UInt32(TestTree.crowdCount)
        for index in 0..<count {
            try client.walk(0, index + 1, "crowd", "entry-\(index)")
            try client.open(index + 1)
        }
        #expect(budget.count <= 16)
        try client.walk(0, 9000, "sub", "deep", "x")
        try client.open(9000)
        for index in 0..<count {
            #expect(try client.getattr(index + 1).size == 0)
            #expect(try client.read(index + 1, at: 0, count: 10).isEmpty)
        }
        #expect(try client.readAll(9000) == Array("deep".utf8))
        #expect(budget.count <= 16)
        try client.version()
        #expect(budget.count < 8)
    }

    @Test func unlinkedFilesStayWhileTheirDescriptorDoes() throws {
        let export = try tree.export(descriptors: 64)
        let client = try TestServer(.memory, [("", export)]).attach()
        try client.walk(0, 1, "sub", "deep", "x")
        try client.open(1)
        try client.walk(0, 2, "sub", "deep", "x")
        unlink(tree.file("sub/deep/x"))
        usleep(Self.disbelief)
        // Others come and go: unlinked files are the last to lose their descriptors.
        for index in 0..<UInt32(300) { try client.walk(0, index + 10, "crowd", "entry-\(index)") }
        #expect(try client.readAll(1) == Array("deep".utf8))
        #expect(try client.getattr(2).linkCount == 0)
        try client.open(2)
        #expect(try client.readAll(2) == Array("deep".utf8))
        #expect(try client.walk(0, 3, "sub", "deep", "x").count == 2)
    }

    @Test func whatWasReplacedIsStaleOnceItsDescriptorIsGone() throws {
        let export = try tree.export(descriptors: 8)
        let client = try TestServer(.memory, [("", export)]).attach()
        try client.walk(0, 1, "sub", "deep", "x")
        // Another file takes the name; a hard link keeps the first from being an unlinked one.
        link(tree.file("sub/deep/x"), tree.file("kept"))
        tree.makeFile("new", Array("other".utf8))
        rename(tree.file("new"), tree.file("sub/deep/x"))
        usleep(Self.disbelief)
        for index in 0..<UInt32(100) { try client.walk(0, index + 10, "crowd", "entry-\(index)") }
        #expect(refusal { _ = try client.getattr(1) } == ESTALE)
        #expect(refusal { try client.open(1) } == ESTALE)
        try client.walk(0, 2, "sub", "deep", "x")
        try client.open(2)
        #expect(try client.readAll(2) == Array("other".utf8))
    }

    @Test func aDirectoryReplacedByALinkLeadsNowhere() throws {
        let export = try tree.export(descriptors: 8)
        let client = try TestServer(.memory, [("", export)]).attach()
        try client.walk(0, 1, "sub", "deep")
        rename(tree.file("sub"), tree.file("moved"))
        symlink("/etc", tree.file("sub"))
        usleep(Self.disbelief)
        for index in 0..<UInt32(100) { try client.walk(0, index + 10, "crowd", "entry-\(index)") }
        #expect(refusal { _ = try client.getattr(1) } != nil)
        #expect(try client.walk(0, 2, "sub", "passwd").map(\.kind) == [.symlink])
    }

    @Test func aFileThatShrinksIsPaddedAndThenShort() throws {
        let server = try TestServer(.unix, [("", try tree.export())])
        let client = try server.attach(messageSize: 1 << 20)
        try client.walk(0, 1, "big.bin")
        try client.open(1)
        #expect(try client.read(1, at: 0, count: 10).count == 10)
        truncate(tree.file("big.bin"), 100_000)
        // Within the time that the size is believed.
        let padded = try client.read(1, at: 0, count: 300_000)
        #expect(padded.count == 300_000 || padded.count == 100_000)
        #expect(padded.dropFirst(100_000).allSatisfy { $0 == 0 })
        usleep(Self.disbelief)
        #expect(try client.readAll(1).count == 100_000)
    }

    @Test func aFileThatGrowsIsReadOn() throws {
        let client = try TestServer(.memory, [("", try tree.export())]).attach()
        try client.walk(0, 1, "a.txt")
        try client.open(1)
        #expect(try client.readAll(1).count == 6)
        truncate(tree.file("a.txt"), 1000)
        usleep(Self.disbelief)
        #expect(try client.readAll(1).count == 1000)
    }

    /// Files of /sys have a size that says nothing, and errors of their own.
    @Test func filesThatAreMadeUpAreReadAsTheyAre() throws {
        let client = try attach("/sys/devices/virtual/net/lo")
        try client.walk(0, 1, "mtu")
        try client.open(1)
        let mtu = try readFile("/sys/devices/virtual/net/lo/mtu")
        #expect(try client.readAll(1) == mtu)
        #expect(try client.read(1, at: 2, count: 100) == Array(mtu.dropFirst(2)))
        try client.walk(0, 2, "speed")
        try client.open(2)
        #expect(refusal { _ = try client.read(2, at: 0, count: 100) } == EINVAL)
        let kernel = try attach("/proc/sys/kernel")
        try kernel.walk(0, 1, "ostype")
        try kernel.open(1)
        #expect(try kernel.readAll(1) == Array("Linux\n".utf8))
    }

    private func attach(_ path: FilePath) throws -> TestClient {
        try TestServer(.memory, [("", HostTree(path: path))]).attach()
    }

    /// The roots of /proc and of /sys both have inode number 1.
    @Test func otherFileSystemsHaveOtherQids() throws {
        let client = try attach("/")
        let proc = try #require(try client.walk(0, 1, "proc").last)
        let sys = try #require(try client.walk(0, 2, "sys").last)
        let (procStatus, sysStatus) = (try FileStatus("/proc"), try FileStatus("/sys"))
        #expect(procStatus.inode == sysStatus.inode)
        #expect(proc.path != sys.path)
        // The same by another way, and after others were met.
        #expect(try client.walk(1, 3, "..", "sys").last?.path == sys.path)
        #expect(try client.walk(0, 4, "proc").last?.path == proc.path)
        #expect(try client.walk(0, 5).isEmpty)
    }

    /// What a disk would have to be waited for is left to a worker, and others go on.
    @Test func whatIsNotInMemoryIsReadElsewhere() throws {
        let content = [UInt8]((0..<500_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
        let name = FilePath(tree.folder.file("cold"))
        try writeFileAtomically(name, content)
        let file = SharedFD(try OwnedFD.open(name, O_RDONLY))
        try syscall { fsync(file.rawValue) }
        func forget() { posix_fadvise(file.rawValue, 0, 0, POSIX_FADV_DONTNEED) }
        forget()
        // A file system that lives in memory forgets nothing. To ask has Linux begin to read.
        guard try PageCache.presence(of: file, at: 400_000, count: 1) == .absent else { return }
        let root = try tree.export().root()
        let opened = try root.child(named: Array("cold".utf8).span).openFile()
        try PageCache.load(file, at: 0, count: content.count)
        forget()
        #expect(try opened.dataAtOnce(at: 400_000, count: 10) == nil)
        guard case .slice(let slice) = try opened.data(at: 400_000, count: 10) else {
            throw BrokenReply()
        }
        #expect(slice.offset == 400_000 && slice.count == 10)
        #expect(try opened.dataAtOnce(at: 400_000, count: 10) != nil)

        let client = try TestServer(.unix, [("", tree.export())]).attach()
        try client.walk(0, 1, "cold")
        try client.open(1)
        try PageCache.load(file, at: 0, count: content.count)
        forget()
        #expect(try client.readAll(1) == content)
        try PageCache.load(file, at: 0, count: content.count)
        #expect(try PageCache.presence(of: file, at: 0, count: content.count) == .present)
        #expect(try PageCache.presence(of: file, at: 500_000, count: 1) == .end)
    }

    /// Replies that a client does not read hold their files' descriptors.
    @Test("Unread replies hold few descriptors", arguments: [false, true])
    func unreadReplies(andClunked isClunked: Bool) throws {
        let budget = DescriptorBudget(limit: 64)
        for index in 0..<400 { try tree.folder.write("many/\(index)", "content \(index)") }
        let export = try HostTree(path: FilePath(tree.folder.path), budget: budget)
        let server = try TestServer(.memory, [("", export)])
        let transport = try #require(MemoryTransport(server.service))
        let client = TestClient(transport)
        client.server = server
        try client.version(65_536)
        try client.attach(0)
        for index in 0..<UInt32(400) {
            try client.walk(0, index + 1, "many", "\(index)")
            try client.open(index + 1)
        }
        // Other tests run in the same process.
        func openHere() throws -> Int {
            try directoryNames("/proc/self/fd").filter {
                let target = try? symlinkTarget(FilePath("/proc/self/fd").appending($0))
                return target?.hasPrefix(tree.folder.path + "/many/") ?? false
            }.count
        }
        transport.isHolding = true
        for tag: UInt16 in 1...400 {
            transport.send(
                TestClient.message {
                    $0.readRequest(.tread, tag: tag, fid: UInt32(tag), offset: 0, count: 100)
                }
            )
            guard isClunked else { continue }
            transport.send(
                TestClient.message { $0.fidRequest(.tclunk, tag: tag + 1000, fid: UInt32(tag)) }
            )
        }
        let count = try openHere()
        #expect(count < 80, "\(count)")
        transport.releaseHeld()
        for tag: UInt16 in 1...400 {
            let (_, message) = try client.receive(.tread, tag: tag)
            let data = String(decoding: message.dropFirst(11), as: UTF8.self)
            #expect(data == "content \(tag - 1)")
            if isClunked { _ = try client.receive(.tclunk, tag: tag + 1000) }
        }
        if !isClunked { #expect(try client.readAll(1) == Array("content 0".utf8)) }
    }

    @Test func extendedAttributes() throws {
        let value = [UInt8](repeating: 3, count: 900)
        guard setxattr(tree.file("a.txt"), "user.test", value, value.count, 0) == 0 else { return }
        let client = try TestServer(.memory, [("", try tree.export())]).attach()
        try client.walk(0, 1, "a.txt")
        #expect(try client.xattrwalk(1, 2, "user.test") == 900)
        #expect(try client.readAll(2) == value)
        #expect(try client.read(2, at: 899, count: 5) == [3])
        #expect(try client.read(2, at: 5000, count: 5).isEmpty)
        let size = try client.xattrwalk(1, 3, "")
        let list = try client.readAll(3)
        #expect(list.count == Int(size))
        #expect(String(decoding: list, as: UTF8.self).contains("user.test\0"))
        #expect(refusal { _ = try client.xattrwalk(1, 4, "security.capability") } == ENODATA)
        #expect(refusal { _ = try client.xattrwalk(1, 4, "nonsense") } == EOPNOTSUPP)
        let long = String(repeating: "x", count: 256)
        #expect(refusal { _ = try client.xattrwalk(1, 4, long) } == ERANGE)
    }

    @Test func refusesWhatIsNoFolder() {
        #expect(throws: Errno.notDirectory) { try HostTree(path: FilePath(tree.file("a.txt"))) }
        #expect(throws: Errno.noSuchFileOrDirectory) {
            try HostTree(path: FilePath(tree.file("none")))
        }
    }

    @Test func aNamespaceHoldsOtherExports() throws {
        let space = Namespace([
            ("host", .export(try tree.export())),
            ("again", .export(try tree.export())),
            ("note", .file([1, 2])),
        ])
        let client = try TestServer(.memory, [("", space)]).attach()
        try client.walk(0, 1)
        try client.open(1)
        #expect(try client.list(1).map(\.text) == [".", "..", "host", "again", "note"])
        let root = try client.getattr(0).qid
        let first = try client.walk(0, 2, "host", "sub", "deep", "x")
        let second = try client.walk(0, 3, "again", "sub", "deep", "x")
        #expect(Set((first + second + [root]).map(\.path)).count == 9)
        try client.open(2)
        #expect(try client.readAll(2) == Array("deep".utf8))
        #expect(
            try client.walk(0, 4, "host", "sub", "..", "..", "host").map(\.path) == [
                first[0].path, first[1].path, first[0].path, root.path, first[0].path,
            ]
        )
    }
}
