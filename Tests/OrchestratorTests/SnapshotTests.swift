import Bootstrap
import SystemIO
import SystemPackage
import TestSupport
import Testing

@testable import Orchestrator

@Suite struct SnapshotTests {
    @Test func theLayoutSurvivesItsFacts() {
        let layout = SnapshotLayout(state: 5, hello: 3, extents: [0..<4096, 8192..<20480])
        #expect(SnapshotLayout(facts: layout.facts, memory: 20480) == layout)
        #expect(
            layout.pieces(longest: 8192) == [
                .init(address: 0, offset: 8, count: 4096),
                .init(address: 8192, offset: 4104, count: 8192),
                .init(address: 16384, offset: 12296, count: 4096),
            ]
        )
        let empty = SnapshotLayout(state: 0, hello: 0, extents: [])
        #expect(SnapshotLayout(facts: empty.facts, memory: 0) == empty)
    }

    @Test(arguments: [
        ("state", "x"), ("state", "-1"), ("state", "99999999"), ("hello", ""),
        ("memory", "4096-0"), ("memory", "0-4096 0-4096"), ("memory", "0-99999999"),
        ("memory", "0"), ("memory", "8192-12288 0-4096"), ("memory", "18446744073709551616-1"),
    ])
    func factsThatNobodyWritesAreRefused(name: String, value: String) {
        var facts = SnapshotLayout(state: 5, hello: 3, extents: [0..<4096]).facts
        facts[name] = value
        #expect(SnapshotLayout(facts: facts, memory: 16384) == nil)
        facts[name] = nil
        #expect(SnapshotLayout(facts: facts, memory: 16384) == nil)
    }

    /// A cache entry has no room for a million.
    @Test func scatteredMemoryIsJoined() {
        let extents = (0..<UInt64(5000)).map { $0 * 65536..<$0 * 65536 + 4096 }
        let layout = SnapshotLayout(state: 0, hello: 0, extents: extents)
        #expect(layout.extents.count <= SnapshotLayout.mostExtents)
        for extent in extents {
            #expect(layout.extents.contains { $0.contains(extent.lowerBound) })
        }
        #expect(layout.extents.last?.upperBound == extents.last?.upperBound)
    }

    @Test func memoryComesBackWithItsHoles() throws {
        let scratch = try ScratchFolder()
        let cache = try BootstrapCache(folder: FilePath(scratch.file("cache")))
        let memory = try makeMemoryFile("guest", size: 64 << 20)
        // Longer than what is moved in one piece, and at both ends.
        let long = (0..<(5 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 7) }
        try writeAll(memory.rawValue, [7, 8, 9], at: 0)
        try writeAll(memory.rawValue, long, at: 20 << 20)
        try writeAll(memory.rawValue, [1], at: 64 << 20 - 1)
        let state = try makeMemoryFile("state")
        try writeAll(state.rawValue, Array("state".utf8), at: 0)
        try MachineSnapshot.store(
            "key",
            in: cache,
            state: state,
            hello: Array("hello".utf8),
            memory: memory
        )
        let entry = try #require(cache.find("key"))
        #expect(MachineSnapshot(entry, memory: 32) == nil)
        let snapshot = try #require(MachineSnapshot(entry, memory: 64))
        #expect(snapshot.hello == Array("hello".utf8))
        #expect(try snapshot.state().read(count: 5, at: 0) == Array("state".utf8))
        let copy = try snapshot.memory()
        #expect(try copy.contents(limit: 64 << 20) == memory.contents(limit: 64 << 20))
        #expect(try dataExtents(of: copy.rawValue) == dataExtents(of: memory.rawValue))
        let twin = try MachineSnapshot.copy(of: memory)
        #expect(try twin.contents(limit: 64 << 20) == memory.contents(limit: 64 << 20))
    }

    /// A build that is there already is not made again for it.
    @Test func howTheVMStartsIsNoPartOfThePlan() {
        for resumes in [true, false, nil] {
            #expect(BootstrapOptions(resumes: resumes).fields == [])
            let options = BootstrapOptions(ref: "r", resumes: resumes)
            #expect(options.fields == BootstrapOptions(ref: "r").fields)
        }
    }

    /// Sockets differ from run to run; memory, kernel and what runs it matter.
    @Test func theKeyIsOfWhatTheMachineIs() {
        func key(_ change: (inout MachineConfiguration) -> Void) -> String {
            var machine = MachineConfiguration(
                boot: .kernel("/k", initramfs: "/i", commandLine: "quiet"),
                disks: [],
                memory: 512,
                processors: 2,
                console: .file("/s/console")
            )
            change(&machine)
            return MachineSnapshot.key(machine, .tcg)
        }
        let plain = key { _ in }
        #expect(plain == key { $0.console = .file("/other") })
        #expect(plain == key { $0.vsockSocket = "/s/vsock" })
        #expect(plain == key { $0.disks = [.init(path: "/d", format: .raw, serial: "target")] })
        #expect(plain != key { $0.memory = 768 })
        #expect(plain != key { $0.processors = 1 })
        #expect(plain != key { $0.boot = .kernel("/l", initramfs: "/i", commandLine: "quiet") })
        #expect(plain != key { $0.boot = .kernel("/k", initramfs: "/i", commandLine: "") })
    }
}
