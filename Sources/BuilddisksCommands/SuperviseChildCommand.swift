import ArgumentParser
import CLinux
import Orchestrator
import SystemIO
import SystemPackage

/// Not for users: runs a program and ends all its processes with it and with us (see `Supervision`).
struct SuperviseChildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: Supervision.commandName,
        abstract: "Used by builddisks itself.",
        shouldDisplay: false
    )

    @Option(parsing: .singleValue) var readable: [String] = []
    @Option(parsing: .singleValue) var writable: [String] = []
    @Flag var oneProcessor = false
    @Argument var parent: Int32
    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

    func run() throws {
        let launcher = try symlinkTarget("/proc/self/exe")
        let isConfined = !readable.isEmpty || !writable.isEmpty
        let error = superviseChild(
            launcher: FilePath(launcher),
            parent: parent,
            supervision: Supervision(
                confinement: isConfined
                    ? Confinement(
                        readable: readable.map { FilePath($0) },
                        writable: writable.map { FilePath($0) }
                    ) : nil,
                isOnOneProcessor: oneProcessor
            ),
            arguments
        )
        printErrorLine("builddisks: cannot start \(arguments.first ?? "a program"): \(error)")
        throw ExitCode(127)
    }
}
