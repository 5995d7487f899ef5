import Glibc
import SystemIO
import SystemPackage
import Testing

@testable import Orchestrator

@Suite struct PublicationTests {
    /// A folder that goes with the test.
    private final class Scratch {
        let path: FilePath
        init() throws { path = try makeTemporaryFolder("/tmp/publication-") }
        deinit { removeTree(path) }
    }

    @Test func aBuildAppearsWholeAndBecomesCurrent() throws {
        let scratch = try Scratch()
        let output = try OutputFolder(scratch.path.appending("images"))
        for name in ["one", "two"] {
            let work = try output.makeWorkFolder(for: name)
            try writeFileAtomically(work.appending("disk"), Array(name.utf8))
            #expect(!output.exists(name))
            try output.publish(work, as: name)
            #expect(output.current == name)
            #expect(try readFile(output.path.appending("current/disk")) == Array(name.utf8))
        }
        #expect(try directoryNames(output.path).sorted() == [".lock", "current", "one", "two"])
    }

    @Test func asecondRunIsRefused() throws {
        let scratch = try Scratch()
        let first = try OutputFolder(scratch.path)
        let error = #expect(throws: BuildError.self) { _ = try OutputFolder(scratch.path) }
        #expect(error?.exitCode == 7)
        withExtendedLifetime(first) {}
    }

    @Test func whatAKilledRunLeftIsRemoved() throws {
        let scratch = try Scratch()
        try makeDirectories(scratch.path.appending(".work-old/sub"))
        try makeSymlink(scratch.path.appending(".current.99"), to: "old")
        try makeDirectories(scratch.path.appending("published"))
        let output = try OutputFolder(scratch.path)
        #expect(try directoryNames(output.path) == [".lock", "published"])
    }

    @Test func afolderThatCannotBeMadeIsTheHostsFault() {
        let error = #expect(throws: BuildError.self) { _ = try OutputFolder("/proc/nothing/here") }
        #expect(error?.exitCode == 3)
    }

    @Test func aPrivateFolderOfADeadRunIsRemovedAndALivingOneKept() throws {
        let living = try PrivateFolder()
        let dead = living.path.removingLastComponent().appending(".builddisks-run.dead0\(getpid())")
        try makeDirectories(dead, mode: 0o700)
        try writeFileAtomically(dead.appending("lock"), [])
        let foreign = living.path.removingLastComponent().appending(".builddisks-run.\(getpid())x")
        try makeDirectories(foreign, mode: 0o700)
        defer { removeTree(foreign) }
        let next = try PrivateFolder()
        #expect(!fileExists(dead))
        #expect(fileExists(foreign), "without our lock it is not ours")
        #expect(fileExists(living.path))
        next.remove()
        living.remove()
        #expect(!fileExists(living.path))
    }
}
