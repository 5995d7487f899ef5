import ArgumentParser
import Orchestrator

/// `builddisks shell`: a root shell in the bootstrap VM.
struct ShellCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shell",
        abstract: "Opens a root shell in the bootstrap VM of a commit, for debugging.",
        discussion:
            "Nothing is written anywhere: the commit's tree and the repository are read-only."
    )

    @Option(help: ArgumentHelp("The OSTree repository.", valueName: "folder"))
    var repo: String

    @Option(help: ArgumentHelp("The ref (or commit) to boot from.", valueName: "ref"))
    var ref: String

    @Option(help: "What runs the machine.")
    var accel: AcceleratorChoice = .auto

    @Option(help: ArgumentHelp("Memory in MiB.", valueName: "MiB"))
    var memory: Int = 1024

    func run() throws {
        try reportingFailure { () throws(BuildError) in
            let cancellation = Cancellation()
            try cancellation.observeSignals()
            try Shell(tools: try Tools(), cancellation: cancellation).run(
                repository: absolutePath(repo),
                ref: ref,
                accelerator: accel,
                memory: memory
            )
        }
    }
}
