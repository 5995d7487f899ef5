import Foundation
import TestSupport
import Testing

@testable import DiskImage

/// Off and on again: what mke2fs made is as it was, and in between no tool finds a journal.
@Suite struct JournalSettingTests {
    let scratch: ScratchFolder
    let image: String

    init() throws {
        scratch = try ScratchFolder()
        image = scratch.file("image")
    }

    private func superblock() throws -> [UInt8] {
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: image))
        try file.seek(toOffset: UInt64(JournalSetting.offset))
        return Array(try #require(try file.read(upToCount: JournalSetting.length)))
    }

    private func write(_ setting: JournalSetting) throws {
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: image))
        try file.seek(toOffset: UInt64(JournalSetting.offset))
        try file.write(contentsOf: setting.bytes)
    }

    /// With and without a checksum of the superblock itself; the tools refuse a wrong one.
    @Test(arguments: [Ext4Parameters.rootFeatures, Ext4Parameters.bootFeatures])
    func theJournalRestsAndComesBack(features: Set<Ext4Feature>) throws {
        try makeImage([], to: image, size: 64 << 20)
        let arguments = Ext4Tests.parameters(features).mke2fsArguments
        #expect(try Referee.run("mke2fs", arguments + [image]).status == 0)
        let before = try superblock()
        var setting = try #require(JournalSetting(before))
        #expect(setting.isOn && setting.canBeOff)
        setting.isOn = false
        try write(setting)
        let resting = try Referee.run("dumpe2fs", ["-h", image])
        #expect(resting.status == 0, "\(resting.output)")
        #expect(!resting.output.contains("has_journal"))
        #expect(try #require(JournalSetting(try superblock())).canBeOff == false)
        setting.isOn = true
        try write(setting)
        #expect(try superblock() == before)
        let check = try Referee.run("e2fsck", ["-fn", image])
        #expect(check.status == 0, "\(check.output)")
    }

    @Test(arguments: [
        "feature needs_recovery", "ssv state 0", "ssv state 3", "ssv last_orphan 12",
        "ssv journal_inum 0",
    ])
    func aJournalThatIsNeededStays(change: String) throws {
        try makeImage([], to: image, size: 64 << 20)
        let arguments = Ext4Tests.parameters(Ext4Parameters.bootFeatures).mke2fsArguments
        #expect(try Referee.run("mke2fs", arguments + [image]).status == 0)
        let set = try Referee.run("debugfs", ["-w", "-R", change, image])
        #expect(set.status == 0, "\(set.output)")
        #expect(try #require(JournalSetting(try superblock())).canBeOff == false)
    }

    @Test func nothingElseIsTakenForASuperblock() {
        #expect(JournalSetting([UInt8](repeating: 0, count: 1024)) == nil)
        #expect(JournalSetting([]) == nil)
    }
}
