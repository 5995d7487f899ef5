import DiskImage
package import Orchestrator
package import SystemPackage

/// What may be said of a disk, on the command line, in `[defaults]` or in `[disk.NAME]`; nil where
/// nothing is said.
package struct DiskSettings: Sendable {
    package var repository: FilePath?
    package var osname: String?
    /// Refs, or patterns of refs (`*-runtime`): each ref that matches becomes a disk.
    package var refs: [String]?
    package var method: BuildRequest.Method?
    package var pull: BuildRequest.Pull?
    package var layout: BuildRequest.Layout?
    /// In bytes.
    package var size: UInt64?
    package var format: DiskFormat?
    package var kernelArguments: [String]?
    package var accelerator: AcceleratorChoice?
    /// In MiB.
    package var memory: Int?
    package var verifiesObjects: Bool?
    package var from: UpdateSource?
    package var elseFresh: Bool?
    package var publishesOverlay: Bool?
    package var retainedDeployments: Int?
    package var files: [AddedFile]?
    package var bootstrap = BootstrapOptions()

    package init() {}

    /// These settings, and what they leave open as `base` has it.
    package func over(_ base: DiskSettings) -> DiskSettings {
        var merged = DiskSettings()
        merged.repository = repository ?? base.repository
        merged.osname = osname ?? base.osname
        merged.refs = refs ?? base.refs
        merged.method = method ?? base.method
        merged.pull = pull ?? base.pull
        merged.layout = layout ?? base.layout
        merged.size = size ?? base.size
        merged.format = format ?? base.format
        merged.kernelArguments = kernelArguments ?? base.kernelArguments
        merged.accelerator = accelerator ?? base.accelerator
        merged.memory = memory ?? base.memory
        merged.verifiesObjects = verifiesObjects ?? base.verifiesObjects
        merged.from = from ?? base.from
        merged.elseFresh = elseFresh ?? base.elseFresh
        merged.publishesOverlay = publishesOverlay ?? base.publishesOverlay
        merged.retainedDeployments = retainedDeployments ?? base.retainedDeployments
        merged.bootstrap = bootstrap.over(base.bootstrap)
        merged.files = Self.merge(files, over: base.files)
        return merged
    }

    /// Whether a disk of these settings is made from another.
    var isUpdate: Bool { (from ?? UpdateSource.none) != UpdateSource.none }

    static let uselessRetain = "retain belongs to a disk made from another (from)"

    /// What of these settings would do nothing for want of a VM, if anything. Only what is said in one
    /// place counts: `[defaults]` may speak of the VM for those disks that need one.
    var contradiction: String? {
        guard method == .compose else { return nil }
        let given = [
            ("kernel", bootstrap.kernel != nil), ("modules", bootstrap.modules != nil),
            ("bootstrap-ref", bootstrap.ref != nil),
            ("bootstrap-repo", bootstrap.repository != nil),
            ("bootstrap-root", bootstrap.root != nil), ("accel", accelerator != nil),
        ].filter(\.1).map(\.0)
        if given.isEmpty { return nil }
        return "the method compose has no VM, so \(given.joined(separator: ", ")) would do nothing"
    }

    /// Files are told apart by their path: one that is said here replaces one of the base's.
    private static func merge(_ files: [AddedFile]?, over base: [AddedFile]?) -> [AddedFile]? {
        guard let files, let base else { return files ?? base }
        return base.filter { old in !files.contains { $0.path == old.path } } + files
    }

    /// Lays what is said over a request that holds the defaults.
    func apply(to request: inout BuildRequest) {
        if let method { request.method = method }
        if let pull { request.pull = pull }
        if let layout { request.layout = layout }
        if let size { request.size = size }
        if let format { request.format = format }
        if let kernelArguments { request.kernelArguments = kernelArguments }
        if let accelerator { request.accelerator = accelerator }
        if let memory { request.memory = memory }
        if let verifiesObjects { request.verifiesObjects = verifiesObjects }
        if let from { request.update.from = from }
        if let elseFresh { request.update.elseFresh = elseFresh }
        if let publishesOverlay { request.update.publishesOverlay = publishesOverlay }
        if let retainedDeployments { request.update.retainedDeployments = retainedDeployments }
        request.bootstrap = bootstrap
    }
}

extension DiskSettings {
    /// Reads the keys that `[defaults]` and `[disk.NAME]` have in common.
    init(_ table: inout TableReader, relativeTo folder: FilePath) {
        self.init()
        repository = table.string("repository").map { path($0, in: folder) }
        osname = table.string("osname")
        method = table.choice("method", BuildRequest.Method.self)
        pull = table.choice("pull", BuildRequest.Pull.self)
        layout = table.choice("layout", BuildRequest.Layout.self)
        size = table.size("size")
        // With a layout that is said elsewhere, the request is checked.
        if let size, let problem = Self.obstacle(to: size, layout) {
            table.report("size", "`size`: \(problem)")
        }
        format = table.choice("format", DiskFormat.self)
        kernelArguments = table.strings("kargs")
        accelerator = table.choice("accel", AcceleratorChoice.self)
        memory = table.integer("memory", in: BuildRequest.memoryRange)
        verifiesObjects = table.boolean("fsck")
        from = table.string("from").map { UpdateSource($0) { path($0, in: folder) } }
        elseFresh = table.boolean("else-fresh")
        publishesOverlay = table.boolean("overlay")
        retainedDeployments = table.integer("retain", in: 1...Int.max)
        bootstrap = BootstrapOptions(
            ref: table.string("bootstrap-ref"),
            repository: table.string("bootstrap-repository").map { path($0, in: folder) },
            kernel: table.string("kernel").map { path($0, in: folder) },
            modules: table.string("modules").map { path($0, in: folder) },
            root: table.choice("bootstrap-root", BootstrapOptions.RootChoice.self),
            resumes: table.boolean("fresh-boot").map { !$0 }
        )
        files = AddedFile.read(&table, relativeTo: folder)
    }
}

extension DiskSettings {
    /// Why no disk can have a size; nil where one of a layout can.
    private static func obstacle(to size: UInt64, _ layout: BuildRequest.Layout?) -> String? {
        let layouts = layout.map { [$0] } ?? BuildRequest.Layout.allCases
        guard layouts.allSatisfy({ BuildRequest.obstacle(to: size, $0) != nil }) else { return nil }
        return BuildRequest.obstacle(to: size, layout ?? BuildRequest.defaultLayout)
    }
}

/// A path as the configuration has it: relative to the file's own folder.
func path(_ text: String, in folder: FilePath) -> FilePath {
    folder.pushing(FilePath(text)).lexicallyNormalized()
}
