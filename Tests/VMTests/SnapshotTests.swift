import Foundation
import OSTree
import TestSupport
import Testing

/// An emulated VM that is resumed instead of booted.
extension VirtualMachineTests {
    @Suite struct SnapshotTests {
        let environment: VMEnvironment
        let folder: ScratchFolder

        init() throws {
            environment = try VMEnvironment.shared.get()
            folder = try environment.userFolder()
        }

        private static let made = "kept as a snapshot"
        private static let resumed = "resumed from a snapshot"

        private func build(
            _ name: String,
            _ more: [String] = [],
            path: String? = nil
        ) throws -> String {
            var variables = userVariables(folder)
            if let path { variables["PATH"] = path }
            let result = try runCommand(
                OrdinaryUser.prefix + environment.build(into: folder.path + "/" + name)
                    + ["--accel", "tcg"] + more,
                environment: variables
            )
            try #require(result.status == 0, "\(result.output)\n\(result.errors)")
            #expect(try leftovers(folder.path) == [])
            return result.output
        }

        private func disk(_ name: String) -> String {
            folder.path + "/\(name)/current/tiny-main.qcow2"
        }

        private func snapshots() throws -> [String] {
            let cache = folder.path + "/.cache/builddisks"
            return try FileManager.default.contentsOfDirectory(atPath: cache)
                .filter { $0.hasPrefix("snapshot-") }.map { cache + "/" + $0 }
        }

        /// Resumed or booted, the VM makes the same disk, but for times.
        @Test func aResumedMachineMakesTheSameDisk() throws {
            let booted = try build("booted", ["--fresh-boot"])
            #expect(!booted.contains("snapshot"), "\(booted)")
            #expect(try snapshots() == [])
            let first = try build("first")
            #expect(first.contains(Self.made), "\(first)")
            #expect(try snapshots().count == 1)
            let second = try build("second")
            #expect(second.contains(Self.resumed), "\(second)")
            let verdict = try runCommand([
                VMEnvironment.root + "/scripts/referees", disk("second"),
            ])
            #expect(verdict.status == 0, "\(verdict.output)\n\(verdict.errors)")
            let compared = try runCommand([
                VMEnvironment.root + "/scripts/compare-disks", disk("booted"), disk("second"),
            ])
            try #require(compared.status < 2, "\(compared.errors)")
            let differences = compared.output.split(separator: "\n").filter { line in
                let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
                // Where extlinux's own blocks lie is part of its code.
                return fields[1] != "mtime" && !fields[2].hasSuffix("ldlinux.sys")
            }
            #expect(differences == [], "\(compared.output)")
        }

        /// What the machine was saved with is old when it is resumed: the time, and its random numbers.
        @Test func theClockIsRightAndChanceIsNew() throws {
            _ = try build("first")
            var numbers: Set<String> = []
            for _ in 0..<2 {
                let before = Int(Date().timeIntervalSince1970)
                let result = try environment.shell(
                    in: folder,
                    "tcg",
                    "echo now $(date +%s) $(od -An -N16 -tx8 /dev/urandom) end",
                    ["--memory", "768"]
                )
                let after = Int(Date().timeIntervalSince1970)
                #expect(result.output.contains(Self.resumed), "\(result.output)")
                // Not what was typed, which the terminal shows as well.
                let answer = try #require(
                    result.output.matches(of: /now ([0-9]+) ([0-9a-f ]+) end/).last?.output
                )
                let time = try #require(Int(answer.1))
                #expect((before...after).contains(time), "\(before), \(time), \(after)")
                numbers.insert(String(answer.2))
            }
            #expect(numbers.count == 2)
        }

        /// What cannot be resumed is made anew, and is in nobody's way.
        @Test func aDamagedSnapshotIsMadeAgain() throws {
            _ = try build("first")
            let data = try #require(try snapshots().first) + "/data"
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: data))
            try file.seek(toOffset: 1_000_000)
            try file.write(contentsOf: Data(repeating: 0xA5, count: 4096))
            try file.close()
            let output = try build("second")
            #expect(output.contains(Self.made), "\(output)")
        }

        /// A QEMU that cannot do what saving needs does without.
        @Test(arguments: ["mem-path=/proc/self/fd/3", "pcie-root-port"])
        func whereNothingCanBeSavedItBootsAnew(argument: String) throws {
            try folder.write(
                "bin/qemu-system-x86_64",
                """
                #!/bin/sh
                case "$*" in *\(argument)*) echo "no \(argument) here" >&2; exit 1;; esac
                exec /usr/bin/qemu-system-x86_64 "$@"
                """
            )
            let opened = try runCommand(["chmod", "-R", "a+rx", folder.file("bin")])
            #expect(opened.status == 0)
            let output = try build("first", path: folder.file("bin") + ":/usr/bin:/bin")
            #expect(output.contains("no \(argument) here"), "\(output)")
            #expect(output.contains("it boots anew"), "\(output)")
        }

        /// Whole by its checksum, and yet no machine: as another QEMU might have left it.
        @Test func aSnapshotThatQEMURefusesIsForgotten() throws {
            _ = try build("first")
            let seal = try #require(try snapshots().first) + "/seal"
            let text = try String(contentsOfFile: seal, encoding: .utf8)
            var lines = text.split(separator: "\n").map(String.init)
            lines.removeLast()
            let memory = try #require(lines.firstIndex { $0.hasPrefix("memory ") })
            // Guest memory without its kernel.
            lines[memory] = "memory 0-4096"
            let facts = lines.joined(separator: "\n") + "\n"
            let sum = SHA256.checksum(of: Array(facts.utf8)).hex
            try (facts + sum + "\n").write(toFile: seal, atomically: false, encoding: .utf8)
            let output = try build("second")
            #expect(output.contains("is of no use"), "\(output)")
            #expect(output.contains("it boots anew"), "\(output)")
            // And not made again at once: this QEMU might refuse each of them.
            #expect(!(try build("third").contains("snapshot")))
            let mark = try #require(try snapshots().first) + "/data"
            let aged = try runCommand(["touch", "--date=2 days ago", mark])
            #expect(aged.status == 0)
            #expect(try build("fourth").contains(Self.made))
            #expect(try build("fifth").contains(Self.resumed))
        }
    }
}
