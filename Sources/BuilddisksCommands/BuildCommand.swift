import ArgumentParser
import CLinux
import Orchestrator
import SystemIO
import SystemPackage

/// `builddisks build`: from a ref to a published disk.
struct BuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build",
        abstract: "Makes a bootable disk from a ref.",
        discussion: """
            The disk is published as OUTPUT/<build>/<osname>-<last part of the ref>.<format>, and \
            OUTPUT/current becomes a link to that build. An unchanged commit and plan is not built \
            again.
            """
    )

    @Option(help: ArgumentHelp("The OSTree repository.", valueName: "folder"))
    var repo: String

    @Option(help: ArgumentHelp("The ref (or commit) to install.", valueName: "ref"))
    var ref: String

    @Option(help: ArgumentHelp("Name of the stateroot in the disk.", valueName: "name"))
    var osname: String

    @Option(help: ArgumentHelp("Where builds are published.", valueName: "folder"))
    var output: String

    @Option(
        help: ArgumentHelp(
            "Name of the build (default: the commit's time and a checksum of commit and plan).",
            valueName: "name"
        )
    )
    var build: String?

    @Option(help: "How the disk is made.")
    var method: BuildRequest.Method = .auto

    @Option(help: "How the commit's objects reach the VM.")
    var pull: BuildRequest.Pull = .pack

    @Option(help: "Partitions and boot loader.")
    var layout: BuildRequest.Layout = .bios

    @Option(help: ArgumentHelp("Size of the disk: 4G, 512M or bytes.", valueName: "size"))
    var size: DiskSize = DiskSize(bytes: BuildRequest.defaultSize)

    @Option(help: "Format of the disk.")
    var format: DiskFormat = .qcow2

    @Option(
        name: .customLong("karg"),
        parsing: .singleValue,
        help: ArgumentHelp(
            "A kernel argument; may be repeated (default: "
                + "\(BuildRequest.defaultKernelArguments.joined(separator: ", "))).",
            valueName: "argument"
        )
    )
    var kernelArguments: [String] = []

    @Option(help: "What runs the bootstrap VM.")
    var accel: AcceleratorChoice = .auto

    @Option(help: ArgumentHelp("Memory of the bootstrap VM in MiB.", valueName: "MiB"))
    var memory: Int = BuildRequest.defaultMemory

    @Flag(
        help:
            "Run the commit's `ostree fsck` in the VM before the disk is published (compose always checks every object)."
    )
    var fsck = false

    @Option(
        help: ArgumentHelp(
            "Start from the previous disk, which is not changed: none, current or a disk.",
            valueName: "source"
        )
    )
    var from: String = "none"

    @Flag(help: "Build from scratch if that disk is missing or does not suit the request.")
    var elseFresh = false

    @Flag(help: "Publish an update as a thin overlay on the previous disk.")
    var overlay = false

    @Option(
        help: ArgumentHelp("Deployments that an updated disk keeps.", valueName: "number")
    )
    var retain: Int = UpdateOptions.defaultRetained

    @Flag(help: "One JSON object a line (docs/events.md).")
    var json = false

    @Flag(help: "Nothing but the disk's path.")
    var quiet = false

    func validate() throws {
        if memory < 256 || memory > 1 << 20 {
            throw ValidationError("--memory is in MiB, from 256 on.")
        }
        if retain < 1 { throw ValidationError("--retain is 1 or more.") }
        if from == "none" && (overlay || elseFresh) {
            throw ValidationError("--overlay and --else-fresh belong to --from.")
        }
        if from != "none" && method == .compose {
            throw ValidationError("--method compose makes new disks only; updates need the VM.")
        }
        if overlay && format == .raw {
            throw ValidationError("A raw disk cannot be an overlay.")
        }
        if json && quiet { throw ValidationError("--json and --quiet exclude each other.") }
    }

    func run() throws {
        try reportingFailure(json: json) { () throws(BuildError) in
            let cancellation = Cancellation()
            try cancellation.observeSignals()
            let request = BuildRequest(
                repository: absolutePath(repo),
                ref: ref,
                osname: osname,
                output: absolutePath(output),
                buildName: build,
                method: method,
                pull: pull,
                layout: layout,
                size: size.bytes,
                format: format,
                kernelArguments: kernelArguments.isEmpty
                    ? BuildRequest.defaultKernelArguments : kernelArguments,
                accelerator: accel,
                memory: memory,
                verifiesObjects: fsck,
                update: update
            )
            let builder = Builder(
                tools: try Tools(),
                reporter: reporter,
                cancellation: cancellation
            )
            try builder.build(request)
        }
    }

    private var update: UpdateOptions {
        let source: UpdateSource =
            switch from {
            case "none": .none
            case "current": .current
            default: .disk(absolutePath(from))
            }
        return UpdateOptions(
            from: source,
            publishesOverlay: overlay,
            retainedDeployments: retain,
            elseFresh: elseFresh
        )
    }

    private var reporter: any BuildReporter {
        if json { return JSONReporter() }
        if !quiet && isatty(STDOUT_FILENO) != 0 { return TerminalReporter() }
        return PlainReporter(quiet: quiet)
    }
}

/// A size on the command line.
struct DiskSize: ExpressibleByArgument {
    let bytes: UInt64

    init(bytes: UInt64) { self.bytes = bytes }

    init?(argument: String) {
        guard let bytes = BuildRequest.parseSize(argument) else { return nil }
        self.bytes = bytes
    }

    var defaultValueDescription: String {
        bytes % (1 << 30) == 0 ? "\(bytes >> 30)G" : String(bytes)
    }
}

extension BuildRequest.Method: ExpressibleByArgument {}
extension BuildRequest.Pull: ExpressibleByArgument {}
extension BuildRequest.Layout: ExpressibleByArgument {}
extension DiskFormat: ExpressibleByArgument {}
extension AcceleratorChoice: ExpressibleByArgument {}
