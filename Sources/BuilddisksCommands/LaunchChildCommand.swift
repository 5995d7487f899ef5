import ArgumentParser
import CLinux
import Orchestrator
import SystemIO

/// Not for users: becomes another program that dies with its parent (see `ChildProcess`).
struct LaunchChildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "launch-child",
        abstract: "Used by builddisks itself.",
        shouldDisplay: false
    )

    @Argument var parent: Int32
    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

    func run() throws {
        let error = launchChild(parent: parent, arguments)
        printErrorLine("builddisks: cannot start \(arguments.first ?? "a program"): \(error)")
        // What a shell says when a program cannot be started.
        throw ExitCode(127)
    }
}
