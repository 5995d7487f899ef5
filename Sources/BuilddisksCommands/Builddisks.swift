package import ArgumentParser
import Orchestrator

/// The command `builddisks`.
package struct Builddisks: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "builddisks",
        abstract: "Makes bootable VM disks from OSTree commits, as an ordinary user.",
        version: BuilddisksVersion.text,
        subcommands: [
            BuildCommand.self, BootCommand.self, ShellCommand.self, DoctorCommand.self,
            LaunchChildCommand.self,
        ]
    )

    package init() {}
}
