import ArgumentParser
import CLinux
import Configuration
import Orchestrator
import SystemIO
import SystemPackage

/// `builddisks build`: from refs to published disks.
struct BuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build",
        abstract: "Makes bootable disks from refs.",
        discussion: """
            Builds the disks of builddisks.toml in this folder (docs/configuration.md), or the named \
            ones; with --ref and without --config, the disk that the options describe. Options go \
            before the file.

            A disk is published as OUTPUT/<build>/<osname>-<last part of target or ref>.<format>, and \
            OUTPUT/current becomes a link to that build. An unchanged commit and plan is not built \
            again.
            """
    )

    @Argument(help: ArgumentHelp("Disks of the configuration (default: all).", valueName: "target"))
    var targets: [String] = []

    @Option(
        help: ArgumentHelp(
            "The configuration (default: \(ConfigurationFile.defaultName), unless --ref is given).",
            valueName: "file"
        )
    )
    var config: String?

    @OptionGroup var disk: DiskFlags

    @Option(help: ArgumentHelp("Where builds are published.", valueName: "folder"))
    var output: String?

    @Option(
        help: ArgumentHelp(
            "Name of the build (default: the commit's time and a checksum of commit and plan).",
            valueName: "name"
        )
    )
    var build: String?

    @Flag(help: "One JSON object a line (docs/events.md).")
    var json = false

    @Flag(help: "Nothing but the disks' paths.")
    var quiet = false

    func validate() throws {
        if json && quiet { throw ValidationError("--json and --quiet exclude each other.") }
    }

    func run() throws {
        try reportingFailure(json: json) { () throws(BuildError) in
            let cancellation = Cancellation()
            try cancellation.observeSignals()
            let selected = try selection.selected()
            let builder = Builder(
                tools: try Tools(),
                reporter: reporter,
                cancellation: cancellation
            )
            for target in selected { try builder.build(target.request) }
        }
    }

    private var selection: Selection {
        get throws(BuildError) {
            Selection(
                file: try configuration,
                flags: disk.settings,
                output: output.map(absolutePath),
                buildName: build,
                names: targets
            )
        }
    }

    private var configuration: ConfigurationFile? {
        get throws(BuildError) {
            if let config { return try ConfigurationFile(absolutePath(config)) }
            let path = absolutePath(ConfigurationFile.defaultName)
            if disk.ref != nil && targets.isEmpty { return nil }
            guard fileExists(path) else {
                throw BuildError(
                    .usage,
                    "there is no \(ConfigurationFile.defaultName) in this folder, and no --ref",
                    hint: "Give --config FILE, or --repo, --ref, --osname and --output."
                )
            }
            return try ConfigurationFile(path)
        }
    }

    private var reporter: any BuildReporter {
        if json { return JSONReporter() }
        if !quiet && isatty(STDOUT_FILENO) != 0 { return TerminalReporter() }
        return PlainReporter(quiet: quiet)
    }
}
