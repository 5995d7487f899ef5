/// The modules of a kernel.
package struct ModuleSet: Sendable {
    private let kernel: any BootKernel
    private let index: ModuleIndex

    package init(_ kernel: any BootKernel) throws(BootstrapError) {
        guard let dependencies = try kernel.file("modules.dep") else {
            throw .kernelFileMissing("modules.dep", KernelName(kernel))
        }
        index = ModuleIndex(
            dependencies: dependencies,
            builtin: try kernel.file("modules.builtin") ?? [],
            softDependencies: try kernel.file("modules.softdep") ?? [],
            aliases: try kernel.file("modules.alias") ?? []
        )
        self.kernel = kernel
    }

    /// The first required module that the kernel lacks.
    package func missing(of wanted: [WantedModule] = WantedModule.standard) -> WantedModule? {
        wanted.first { $0.isRequired && !contains($0.name) }
    }

    /// Whether the kernel has it, built in or as a module.
    package func contains(_ name: String) -> Bool { index.resolve(name) != .unknown }

    /// A module's file name without compression suffix, and its content ready for the kernel.
    struct LoadedModule: Sendable {
        let name: String
        let content: [UInt8]
    }

    /// Names of the wanted modules and all they need, in the order of loading: those of the disk, and the
    /// others. What both need is in both.
    func orders(of wanted: [WantedModule]) -> (disk: [String], others: [String]) {
        func order(_ names: [String]) -> [String] { index.loadOrder(of: names).map(\.name) }
        return (
            order(wanted.filter(\.isOfDisk).map(\.name)),
            order(wanted.filter { !$0.isOfDisk }.map(\.name))
        )
    }

    /// The wanted modules with all they need, decompressed.
    func load(_ wanted: [WantedModule]) throws(BootstrapError) -> [LoadedModule] {
        if let module = missing(of: wanted) {
            throw .moduleMissing(module.name, KernelName(kernel), reason: module.reason)
        }
        var loaded: [LoadedModule] = []
        for module in index.loadOrder(of: wanted.map(\.name)) {
            loaded.append(LoadedModule(name: module.name, content: try content(module)))
        }
        return loaded
    }

    private func content(_ module: ModuleIndex.Module) throws(BootstrapError) -> [UInt8] {
        guard let stored = try kernel.file(module.path) else {
            throw .kernelFileMissing(module.path, KernelName(kernel))
        }
        guard let format = Decompression.Format(stored[...]) else { return stored }
        do throws(Decompression.Failure) {
            return try Decompression.decompress(stored[...], format)
        } catch {
            throw .damaged(module.path, KernelName(kernel), reason: error.reason)
        }
    }
}
