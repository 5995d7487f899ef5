package import OSTree

/// What a commit's kernel offers to a bootstrap machine, for people to read.
package enum KernelFeatures {
    /// "Linux 6.1.0-1-amd64 (9P, vsock, virtio-blk, ext4)"; throws what would stop a build.
    package static func examine(
        repository: Repository,
        commit: Commit
    ) throws(BootstrapError) -> String {
        let kernel = try KernelFinder.find(in: commit, of: repository)
        let modules = try ModuleSet(kernel)
        if let missing = modules.missing(of: WantedModule.withoutNineP) {
            throw .moduleMissing(missing.name, KernelName(kernel), reason: missing.reason)
        }
        let lacking = WantedModule.standard.filter { !modules.contains($0.name) }.map(\.name)
        return "Linux \(kernel.version) has all modules that a build needs"
            + (lacking.isEmpty ? "" : "; it lacks \(lacking.joined(separator: ", "))")
            + (lacking.contains(WantedModule.nineP) ? " (its root will be an image)" : "")
    }
}
