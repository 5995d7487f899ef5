import Foundation
import TestSupport
import Testing

/// What stands in an output folder, as someone who only reads it would see it.
struct PublishedState {
    /// The members of `build.json` that a disk can be judged by.
    private struct Record: Decodable {
        struct Disk: Decodable {
            var file: String
            var sha256: String
        }
        var build: String
        var disks: [Disk]
    }

    /// Names of the builds, each found whole: its record is there and the disks are what the record
    /// says.
    let builds: Set<String>
    /// The build that `current` names; nil where there is no such link.
    let current: String?

    /// - Throws: what is not whole.
    init(_ images: String) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: images)
        var whole: Set<String> = []
        for name in names where !name.hasPrefix(".") && name != "current" && name != "failures" {
            let folder = images + "/" + name
            let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/build.json"))
            let record = try JSONDecoder().decode(Record.self, from: data)
            #expect(record.build == name)
            try #require(!record.disks.isEmpty)
            for disk in record.disks {
                let sum = try runCommand(["sha256sum", folder + "/" + disk.file])
                try #require(
                    sum.output.hasPrefix(disk.sha256),
                    "\(name) is half a build: \(sum.output)\(sum.errors)"
                )
            }
            whole.insert(name)
        }
        builds = whole
        current = try? FileManager.default.destinationOfSymbolicLink(atPath: images + "/current")
        if let current { try #require(whole.contains(current), "`current` names \(current)") }
    }
}
