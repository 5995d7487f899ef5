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
            BenchBootCommand.self, GuestListingCommand.self, LaunchChildCommand.self,
            SuperviseChildCommand.self,
        ]
    )

    package init() {}

    /// Runs the command line and ends with its exit code. A command line that cannot be understood is
    /// 2 (README, "Exit codes"), where the parser would have 64.
    package static func runToEnd() -> Never {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch  where exitCode(for: error) == .validationFailure {
            let arguments = CommandLine.arguments.dropFirst()
            if arguments.first == BuildCommand.configuration.commandName,
                arguments.contains("--json")
            {
                JSONReporter.reportFailure(BuildError(.usage, message(for: error)))
            }
            printErrorLine(fullMessage(for: error))
            exit(withError: ExitCode(2))
        } catch {
            exit(withError: error)
        }
        exit()
    }
}
