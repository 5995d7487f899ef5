package import OSTree

/// The modules of a commit's kernel.
package struct ModuleSet: Sendable {
    private let kernel: CommitKernel
    private let commit: Commit
    private let repository: Repository
    private let index: ModuleIndex

    package init(
        kernel: CommitKernel,
        commit: Commit,
        repository: Repository
    ) throws(BootstrapError) {
        func text(_ name: String) throws(BootstrapError) -> [UInt8]? {
            try BootstrapError.reading { () throws(OSTreeError) in
                try repository.contents(of: "\(kernel.folder)/\(name)", in: commit)
            }
        }
        guard let dependencies = try text("modules.dep") else {
            throw .kernelFileMissing("modules.dep", kernelVersion: kernel.version)
        }
        index = ModuleIndex(
            dependencies: dependencies,
            builtin: try text("modules.builtin") ?? [],
            softDependencies: try text("modules.softdep") ?? [],
            aliases: try text("modules.alias") ?? []
        )
        self.kernel = kernel
        self.commit = commit
        self.repository = repository
    }

    /// Whether the kernel has it, built in or as a module.
    package func contains(_ name: String) -> Bool { index.resolve(name) != .unknown }

    /// A module's file name without compression suffix, and its content ready for the kernel.
    struct LoadedModule: Sendable {
        let name: String
        let content: [UInt8]
    }

    /// The wanted modules with all they need, in the order of loading, decompressed.
    func load(_ wanted: [WantedModule]) throws(BootstrapError) -> [LoadedModule] {
        for module in wanted where module.isRequired && !contains(module.name) {
            throw .moduleMissing(
                module.name,
                kernelVersion: kernel.version,
                reason: module.reason
            )
        }
        var loaded: [LoadedModule] = []
        for module in index.loadOrder(of: wanted.map(\.name)) {
            loaded.append(LoadedModule(name: module.name, content: try content(module)))
        }
        return loaded
    }

    private func content(_ module: ModuleIndex.Module) throws(BootstrapError) -> [UInt8] {
        let path = "\(kernel.folder)/\(module.path)"
        let stored = try BootstrapError.reading { () throws(OSTreeError) in
            try repository.contents(of: path, in: commit)
        }
        guard let stored else {
            throw .kernelFileMissing(module.path, kernelVersion: kernel.version)
        }
        guard let format = Decompression.Format(stored[...]) else { return stored }
        do throws(Decompression.Failure) {
            return try Decompression.decompress(stored[...], format)
        } catch {
            throw .damaged(path, reason: error.reason)
        }
    }
}
