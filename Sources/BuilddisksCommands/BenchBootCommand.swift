import ArgumentParser
import Orchestrator

/// Not for users: what the boot path is worth (`make bench-boot`, docs/boot.md).
struct BenchBootCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-boot",
        abstract:
            "Times our emulated boot, and resumption, against QEMU with bzImage and -cpu max.",
        shouldDisplay: false
    )

    @OptionGroup var machine: MachineFlags

    @Option(help: "Starts of each kind.")
    var rounds: Int = 5

    func validate() throws {
        if rounds < 1 { throw ValidationError("--rounds is 1 or more.") }
    }

    func run() throws {
        try reportingFailure { () throws(BuildError) in
            let cancellation = Cancellation(consequence: nil)
            try cancellation.observeSignals()
            let benchmark = BootBenchmark(tools: try Tools(), cancellation: cancellation)
            let rounds = try benchmark.run(machine.request, rounds: rounds) { print($0.line) }
            for line in BootSummary(rounds).lines { print(line) }
        }
    }
}
