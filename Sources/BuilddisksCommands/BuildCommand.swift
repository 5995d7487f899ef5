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

    @Option(
        help: ArgumentHelp(
            "Disks made at once (default: what cores and memory have room for).",
            valueName: "number"
        )
    )
    var jobs: Int?

    @Option(
        help: ArgumentHelp(
            "Builds that stay in the output, the new one included (default: all).",
            valueName: "number"
        )
    )
    var keep: Int?

    @Flag(help: "One JSON object a line (docs/events.md).")
    var json = false

    @Flag(help: "Nothing but the disks' paths.")
    var quiet = false

    func validate() throws {
        if let jobs, jobs < 1 { throw ValidationError("--jobs is 1 or more.") }
        if let keep, keep < 1 { throw ValidationError("--keep is 1 or more.") }
        for (option, value) in [("output", output), ("config", config), ("build", build)]
        where value?.isEmpty == true {
            throw ValidationError("--\(option) is empty.")
        }
        if json && quiet { throw ValidationError("--json and --quiet exclude each other.") }
    }

    func run() throws {
        try reportingFailure(json: json) { () throws(BuildError) in
            let cancellation = Cancellation()
            try cancellation.observeSignals()
            let request = try selection.request()
            let context = RunContext(
                tools: try Tools(),
                reporter: reporter,
                cancellation: cancellation
            )
            try Run(context).run(request)
            try StandardOutput.check()
        }
    }

    private var selection: Selection {
        get throws(BuildError) {
            Selection(
                file: try configuration,
                flags: disk.settings,
                output: output.map(absolutePath),
                buildName: build,
                jobs: jobs,
                keptBuilds: keep,
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
                if disk.ref != nil {
                    throw BuildError(
                        .usage,
                        "\(targets.joined(separator: ", ")): targets are names in a configuration, "
                            + "and there is no \(ConfigurationFile.defaultName) in this folder",
                        hint: "Leave that out to build the disk of --ref, or give --config FILE."
                    )
                }
                throw BuildError(
                    .usage,
                    "there is no \(ConfigurationFile.defaultName) in this folder, and no --ref",
                    hint: "Give --config FILE, or --repo, --ref, --osname and --output."
                )
            }
            return try ConfigurationFile(path)
        }
    }

    private var reporter: any RunReporter {
        if json { return JSONReporter() }
        if !quiet && isatty(STDOUT_FILENO) != 0 { return TerminalReporter() }
        return PlainReporter(quiet: quiet)
    }
}
