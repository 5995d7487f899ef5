import Foundation
import SystemIO
import SystemPackage
import TestSupport
import Testing

@testable import Orchestrator

@Suite struct RecordTests {
    @Test func aRecordIsReadAsItWasWritten() throws {
        let folder = try ScratchFolder()
        let kept = Timeline(phases: sampleTimeline.phases, steps: sampleTimeline.steps)
        let written = sampleBuild(
            "b",
            published: 7,
            disks: [sampleDisk("a.qcow2", timeline: kept), sampleDisk("b.raw")]
        )
        try written.write(to: FilePath(folder.path))
        let read = try #require(BuildRecord(in: FilePath(folder.path)))
        #expect(read.build == "b" && read.published == 7)
        #expect(read.disks == written.disks)
        #expect(read.failed == written.failed)
        #expect(read.versions == written.versions)
        let bytes = try readFile(FilePath(folder.file("build.json")))
        let object = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
        #expect(object?["schema"] as? Int == 2)
    }

    @Test("what is no record", arguments: ["", "{}", "[]", "{\"build\": 5}"])
    func noRecord(text: String) throws {
        let folder = try ScratchFolder()
        #expect(BuildRecord(in: FilePath(folder.path)) == nil)
        try folder.write("build.json", text)
        #expect(BuildRecord(in: FilePath(folder.path)) == nil)
    }

    @Test func aBuildsNameFollowsFromItsDisks() {
        func name(_ disks: [DiskRecord]) -> String {
            BuildRecord.name(of: disks.map { BuildRecord.Member($0) })
        }
        let (a, b) = (sampleDisk("a", identity: "01"), sampleDisk("b", commitTime: 1_700_000_000))
        #expect(name([a, b]) == name([b, a]))
        #expect(name([a, b]).hasPrefix("20231114."), "of the newest commit")
        #expect(name([a]) != name([b]))
        #expect(
            name([a, b]) != name([a, sampleDisk("b", identity: "2", commitTime: 1_700_000_000)])
        )
        var alone = a
        alone.target = alone.ref
        #expect(name([alone]).hasSuffix("-01"), "its own identity")
    }

    @Test func theExitCodeIsThatOfTheMostSevereFailure() {
        func failure(_ target: String, _ kind: BuildError.Kind) -> RunFailure {
            RunFailure(target: target, error: BuildError(kind, "m-\(target)"))
        }
        let all = [
            failure("a", .input), failure("b", .space), failure("c", .space), failure("d", .guest),
        ]
        let summary = RunFailure.summary(all, of: 5)
        #expect(summary.exitCode == 6)
        #expect(summary.message == "4 of 5 disks could not be made: a, b, c, d")
        #expect(summary.details.first == "a: m-a")
        #expect(RunFailure.summary([all[0]], of: 1).message == "m-a")
    }
}

@Suite struct RetentionTests {
    private func output(_ folder: ScratchFolder, _ builds: [(String, Int)]) throws -> OutputFolder {
        for (name, published) in builds {
            try folder.makeDirectory(name)
            try sampleBuild(name, published: published).write(to: FilePath(folder.file(name)))
        }
        return try OutputFolder(FilePath(folder.path))
    }

    @Test(
        "the newest stay, and the current one",
        arguments: [
            (1, "c", ["c"]), (2, "c", ["b", "c"]), (1, "a", ["a"]), (2, "a", ["a", "c"]),
            (9, "b", ["a", "b", "c"]),
        ]
    )
    func newest(keep: Int, current: String, left: [String]) throws {
        let folder = try ScratchFolder()
        let output = try output(folder, [("a", 1), ("b", 2), ("c", 3)])
        try folder.makeDirectory("foreign")
        try output.makeCurrent(current)
        let removed = Retention(output: output, keep: keep).apply()
        #expect(output.builds == (left + ["foreign"]).sorted())
        #expect(removed == ["a", "b", "c"].filter { !left.contains($0) })
        #expect(try directoryNames(output.path).allSatisfy { !$0.hasPrefix(".old-") })
    }

    @Test func backingDisksStay() throws {
        let folder = try ScratchFolder()
        let output = try output(folder, [("a", 1), ("b", 2), ("c", 3), ("d", 4)])
        func make(_ arguments: String...) throws {
            let made = try runCommand(["qemu-img", "create", "-q", "-f", "qcow2"] + arguments)
            #expect(made.status == 0, "\(made.errors)")
        }
        try make(folder.file("a/disk.qcow2"), "1M")
        for (build, below) in [("c", "a"), ("d", "c")] {
            try make(
                "-F",
                "qcow2",
                "-b",
                "../\(below)/disk.qcow2",
                folder.file("\(build)/disk.qcow2")
            )
        }
        try output.makeCurrent("d")
        #expect(Retention(output: output, keep: 1).apply() == ["b"])
        #expect(output.builds == ["a", "c", "d"])
    }

    @Test func whatAKilledRunBeganToRemoveIsRemoved() throws {
        let folder = try ScratchFolder()
        try folder.write(".old-a/disk", "x")
        let output = try OutputFolder(FilePath(folder.path))
        #expect(try directoryNames(output.path) == [".lock"])
    }

    @Test(
        "what has no backing file",
        arguments: ["", "QFI", String(repeating: "x", count: 100)]
    )
    func noBackingFile(text: String) throws {
        let folder = try ScratchFolder()
        try folder.write("disk", text)
        #expect(Qcow2Header.backingFile(of: FilePath(folder.file("disk"))) == nil)
        #expect(Qcow2Header.backingFile(of: FilePath(folder.path)) == nil)
    }
}
