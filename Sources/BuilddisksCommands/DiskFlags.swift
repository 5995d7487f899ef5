import ArgumentParser
import Configuration
import DiskImage
import Orchestrator

/// What the command line says of a disk. Every option goes before the configuration, so an option
/// that is not given has no value; its default is told in its help.
struct DiskFlags: ParsableArguments {
    @Option(help: ArgumentHelp("The OSTree repository.", valueName: "folder"))
    var repo: String?

    @Option(
        help: ArgumentHelp(
            "The ref (or commit) to install; a pattern like '*-runtime' makes a disk of each.",
            valueName: "ref"
        )
    )
    var ref: String?

    @Option(help: ArgumentHelp("Name of the stateroot in the disk.", valueName: "name"))
    var osname: String?

    @Option(help: "How the disk is made (default: auto).")
    var method: BuildRequest.Method?

    @Option(
        help:
            "How the commit's objects reach the VM (default: \(BuildRequest.defaultPull.rawValue))."
    )
    var pull: BuildRequest.Pull?

    @Option(
        help:
            "Partitions and boot loaders, docs/layouts.md (default: \(BuildRequest.defaultLayout.rawValue))."
    )
    var layout: BuildRequest.Layout?

    @Option(
        help: ArgumentHelp("Size of the disk: 4G, 512M or bytes (default: 16G).", valueName: "size")
    )
    var size: DiskSize?

    @Option(help: "Format of the disk (default: qcow2).")
    var format: DiskFormat?

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

    @Option(
        name: .customLong("file"),
        parsing: .singleValue,
        help: ArgumentHelp(
            "A file or folder to add to the installed system's /etc or /var; may be repeated.",
            valueName: "path=source"
        )
    )
    var files: [FileFlag] = []

    @Option(help: "What runs the bootstrap VM (default: auto).")
    var accel: AcceleratorChoice?

    @Option(
        help: ArgumentHelp(
            "Memory of the bootstrap VM in MiB (default: \(BuildRequest.defaultMemory)).",
            valueName: "MiB"
        )
    )
    var memory: Int?

    @Flag(
        inversion: .prefixedNo,
        help: ArgumentHelp(
            "Run the commit's `ostree fsck` in the VM before the disk is published (compose "
                + "always checks every object)."
        )
    )
    var fsck: Bool?

    @Option(
        help: ArgumentHelp(
            "Start from the previous disk, which is not changed: none, current or a disk "
                + "(default: none).",
            valueName: "source"
        )
    )
    var from: String?

    @Flag(
        inversion: .prefixedNo,
        help: "Build from scratch if that disk is missing or does not suit the request."
    )
    var elseFresh: Bool?

    @Flag(
        inversion: .prefixedNo,
        help: "Publish an update as a thin overlay on the previous disk."
    )
    var overlay: Bool?

    @Option(
        help: ArgumentHelp(
            "Deployments that an updated disk keeps (default: \(UpdateOptions.defaultRetained)).",
            valueName: "number"
        )
    )
    var retain: Int?

    @OptionGroup(title: "Bootstrap VM") var bootstrap: BootstrapFlags

    /// An empty path would be the current folder.
    func validate() throws {
        for (option, value) in [
            ("repo", repo), ("ref", ref), ("osname", osname), ("from", from),
            ("bootstrap-ref", bootstrap.bootstrapRef), ("bootstrap-repo", bootstrap.bootstrapRepo),
            ("kernel", bootstrap.kernel), ("modules", bootstrap.modules),
        ] where value?.isEmpty == true {
            throw ValidationError("--\(option) is empty.")
        }
    }

    var settings: DiskSettings {
        var settings = DiskSettings()
        settings.repository = repo.map(absolutePath)
        settings.refs = ref.map { [$0] }
        settings.osname = osname
        settings.method = method
        settings.pull = pull
        settings.layout = layout
        settings.size = size?.bytes
        settings.format = format
        settings.kernelArguments = kernelArguments.isEmpty ? nil : kernelArguments
        settings.files = files.isEmpty ? nil : files.map(\.file)
        settings.accelerator = accel
        settings.memory = memory
        settings.verifiesObjects = fsck
        settings.from = from.map { UpdateSource($0, path: absolutePath) }
        settings.elseFresh = elseFresh
        settings.publishesOverlay = overlay
        settings.retainedDeployments = retain
        settings.bootstrap = bootstrap.options
        return settings
    }
}

/// A size on the command line.
struct DiskSize: ExpressibleByArgument {
    let bytes: UInt64

    init?(argument: String) {
        guard let bytes = BuildRequest.parseSize(argument) else { return nil }
        self.bytes = bytes
    }
}

/// "/etc/motd=files/motd" on the command line.
struct FileFlag: ExpressibleByArgument {
    let file: AddedFile

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2, AddedFile.obstacle(to: parts[0]) == nil else { return nil }
        file = AddedFile(path: parts[0], content: .copy(absolutePath(parts[1])))
    }
}

extension BuildRequest.Method: ExpressibleByArgument {}
extension BuildRequest.Pull: ExpressibleByArgument {}
extension DiskLayout.Scheme: ExpressibleByArgument {}
extension DiskFormat: ExpressibleByArgument {}
extension AcceleratorChoice: ExpressibleByArgument {}
extension BootstrapOptions.RootChoice: ExpressibleByArgument {}
