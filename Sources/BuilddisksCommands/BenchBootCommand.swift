import ArgumentParser
import Orchestrator

/// Not for users: what the boot path is worth (`make bench-boot`, docs/boot.md).
struct BenchBootCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-boot",
        abstract: "Times our emulated boot against QEMU with bzImage and -cpu max.",
        shouldDisplay: false
    )

    @OptionGroup var machine: MachineFlags

    @Option(help: "Boots of each kind.")
    var pairs: Int = 5

    func validate() throws {
        if pairs < 1 { throw ValidationError("--pairs is 1 or more.") }
    }

    func run() throws {
        try reportingFailure { () throws(BuildError) in
            let cancellation = Cancellation()
            try cancellation.observeSignals()
            let benchmark = BootBenchmark(tools: try Tools(), cancellation: cancellation)
            let pairs = try benchmark.run(machine.request, pairs: pairs) { print($0.line) }
            for line in BootSummary(pairs).lines { print(line) }
        }
    }
}
