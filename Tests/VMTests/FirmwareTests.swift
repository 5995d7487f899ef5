import Foundation
import TestSupport
import Testing

/// Disks from UEFI firmware. That a BIOS starts the same disks, the other suites show.
extension VirtualMachineTests {
    @Suite struct FirmwareTests {
        let environment: VMEnvironment
        let folder: ScratchFolder

        init() throws {
            environment = try VMEnvironment.shared.get()
            folder = try environment.userFolder()
        }

        private func images(_ name: String) -> String { folder.path + "/images-" + name }

        /// An emulated guest on a busy host may miss so many ticks that its kernel gives the timer up.
        private func build(
            _ name: String,
            ref: String = VMEnvironment.ref,
            method: String,
            _ more: [String]
        ) throws -> CommandResult {
            try runCommand(
                OrdinaryUser.prefix
                    + environment.build(into: images(name), ref: ref, method: method)
                    + (method == "vm" ? ["--accel", "tcg"] : [])
                    + ["--format", "raw", "--karg", "console=ttyS0"]
                    + ["--karg", "no_timer_check"] + more,
                environment: userVariables(folder)
            )
        }

        private func boot(_ disk: String, _ firmware: String, _ text: String) throws {
            let boot = try runCommand(
                OrdinaryUser.prefix + [
                    environment.builddisks, "boot", disk, "--accel", "tcg", "--firmware", firmware,
                    "--expect", text, "--limit", "240",
                ],
                environment: userVariables(folder)
            )
            #expect(boot.status == 0, "\(boot.output.suffix(4000))\n\(boot.errors)")
        }

        /// Partition table and EFI system partition, and the table's copy.
        private func edges(of disk: String) throws -> [Data] {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: disk))
            defer { try? handle.close() }
            let head = try handle.read(upToCount: 65 << 20) ?? Data()
            try handle.seek(toOffset: (1 << 30) - (1 << 20))
            return [head, try handle.readToEnd() ?? Data()]
        }

        @Test func bothMethodsWriteTheSameAndUpdatesStart() throws {
            for method in ["compose", "vm"] {
                let made = try build(method, method: method, ["--layout", "hybrid"])
                try #require(made.status == 0, "\(made.output)\n\(made.errors)")
            }
            let composed = images("compose") + "/current/tiny-main.raw"
            let installed = images("vm") + "/current/tiny-main.raw"
            #expect(try edges(of: composed) == edges(of: installed))
            let record = try String(
                contentsOfFile: images("vm") + "/current/build.json",
                encoding: .utf8
            )
            for name in ["gptmbr", "extlinux", "systemd-boot", "efi-ext4-driver"] {
                #expect(record.contains("\"\(name)\": {"))
            }

            // The next set of boot entries is libostree's own work, behind the firmware's back.
            let next = try build(
                "compose",
                ref: VMEnvironment.nextRef,
                method: "vm",
                ["--layout", "hybrid", "--from", composed]
            )
            try #require(next.status == 0, "\(next.output)\n\(next.errors)")
            let updated = images("compose") + "/current/tiny-next.raw"
            let referees = try runCommand([VMEnvironment.root + "/scripts/referees", updated])
            #expect(referees.status == 0, "\(referees.output)\n\(referees.errors)")
            try boot(updated, "uefi", "BUILDDISKS-TINY-UP 2")

            for layout in ["uefi", "bios"] {
                let other = try build(
                    "other",
                    method: "vm",
                    ["--layout", layout, "--from", updated]
                )
                #expect(other.status == 4, "\(other.errors)")
                #expect(other.errors.contains("its layout is hybrid, not \(layout)"))
            }
            // Without its record the disk itself tells.
            let bare = folder.path + "/bare.raw"
            try FileManager.default.moveItem(atPath: updated, toPath: bare)
            let other = try build("other", method: "vm", ["--layout", "bios", "--from", bare])
            #expect(other.status == 4, "\(other.errors)")
            #expect(other.errors.contains("not those of the layout bios"), "\(other.errors)")
        }

        @Test(
            .enabled(
                if: ProcessInfo.processInfo.environment["BUILDDISKS_FULL"] != nil,
                "make test-full"
            ),
            arguments: ["compose", "vm"]
        )
        func adiskForUEFIAlone(method: String) throws {
            let made = try build(method, method: method, ["--layout", "uefi"])
            try #require(made.status == 0, "\(made.output)\n\(made.errors)")
            let disk = images(method) + "/current/tiny-main.raw"
            let referees = try runCommand([VMEnvironment.root + "/scripts/referees", disk])
            #expect(referees.status == 0, "\(referees.output)\n\(referees.errors)")
            // The record says which firmware it needs.
            try boot(disk, "auto", "BUILDDISKS-TINY-UP 1")
        }
    }
}
