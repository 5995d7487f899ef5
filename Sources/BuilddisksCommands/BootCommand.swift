import ArgumentParser
import Orchestrator
import SystemPackage

/// `builddisks boot`: the disk's serial console on this terminal.
struct BootCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "boot",
        abstract: "Boots a disk from its firmware; what it writes is thrown away.",
        discussion: """
            The serial console becomes this terminal; Ctrl-] ends it. With --expect the boot \
            succeeds when that text appears, and ends there.
            """
    )

    @Argument(help: "The disk.")
    var disk: String

    @Option(help: "Format of the disk (default: by its name).")
    var format: DiskFormat?

    @Option(help: ArgumentHelp("End well when this text appears.", valueName: "text"))
    var expect: String?

    @Option(help: ArgumentHelp("How long to wait for it.", valueName: "seconds"))
    var limit: Double = 300

    @Option(
        help: "What starts the disk (auto: uefi if its build.json says that nothing else does)."
    )
    var firmware: FirmwareChoice = .auto

    @Option(help: "What runs the machine.")
    var accel: AcceleratorChoice = .auto

    @Option(help: ArgumentHelp("Memory in MiB.", valueName: "MiB"))
    var memory: Int = 1024

    /// A week, in seconds.
    private static let longestLimit = 604_800.0

    func validate() throws {
        try checkMemory(memory)
        if expect?.isEmpty == true { throw ValidationError("--expect wants a text.") }
        // "nan" and "inf" are numbers, too: neither is in the range.
        guard limit > 0, limit <= Self.longestLimit else {
            throw ValidationError("--limit is in seconds: above 0, and 604800 (a week) at most.")
        }
    }

    func run() throws {
        try reportingFailure { () throws(BuildError) in
            let cancellation = Cancellation(consequence: nil)
            try cancellation.observeSignals()
            let boot = DiskBoot(tools: try Tools(), cancellation: cancellation)
            let request = DiskBoot.Request(
                disk: absolutePath(disk),
                format: format ?? (disk.hasSuffix(".raw") ? .raw : .qcow2),
                purpose: expect.map { .expect($0, limit: limit) } ?? .interactive,
                firmware: firmware,
                memory: memory
            )
            try boot.run(request, accelerator: accel) { printErrorLine($0) }
        }
    }
}

extension FirmwareChoice: ExpressibleByArgument {}
