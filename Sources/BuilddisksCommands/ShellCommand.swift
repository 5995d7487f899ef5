import ArgumentParser
import Orchestrator

/// `builddisks shell`: a root shell in the bootstrap VM.
struct ShellCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shell",
        abstract: "Opens a root shell in the bootstrap VM of a commit, for debugging.",
        discussion: """
            Nothing is written anywhere: the commit's tree and the repository are read-only. The exit \
            code is the shell's, 128 and the number where a signal ended it; what keeps the shell from \
            running has the codes of the other commands. The end of the input ends the shell. A line \
            of a script that is piped in has 4095 bytes at most.
            """
    )

    @OptionGroup var machine: MachineFlags

    func run() throws {
        var code: CInt = 0
        try reportingFailure { () throws(BuildError) in
            let cancellation = Cancellation(consequence: nil)
            try cancellation.observeSignals()
            code = try Shell(tools: try Tools(), cancellation: cancellation).run(
                machine.request,
                reporter: NoteReporter { printErrorLine($0) }
            )
        }
        if code != 0 { throw ExitCode(code) }
    }
}

/// A bootstrap VM of a commit.
struct MachineFlags: ParsableArguments {
    @Option(help: ArgumentHelp("The OSTree repository.", valueName: "folder"))
    var repo: String

    @Option(help: ArgumentHelp("The ref (or commit) to boot from.", valueName: "ref"))
    var ref: String

    @OptionGroup(title: "Bootstrap VM") var bootstrap: BootstrapFlags

    @Option(help: "What runs the machine.")
    var accel: AcceleratorChoice = .auto

    @Option(help: ArgumentHelp("Memory in MiB.", valueName: "MiB"))
    var memory: Int = 1024

    func validate() throws { try checkMemory(memory) }

    var request: BootstrapRequest {
        BootstrapRequest(
            repository: absolutePath(repo),
            ref: ref,
            options: bootstrap.options,
            accelerator: accel,
            memory: memory
        )
    }
}

/// The rule for every VM, as of the command line.
func checkMemory(_ memory: Int) throws {
    if let obstacle = BuildRequest.obstacle(toMemory: memory) {
        throw ValidationError("--memory: \(obstacle).")
    }
}
