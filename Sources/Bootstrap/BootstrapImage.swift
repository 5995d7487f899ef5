import CLinux
package import OSTree
import SystemIO
package import SystemPackage

/// What a bootstrap machine is started with: a commit's own kernel, and an initramfs of the guest
/// agent and the kernel's modules. The files stay in the cache as long as this value lives.
package struct BootstrapImage: Sendable {
    /// What `-kernel` is to be: an ELF `vmlinux` if `isPVH`, else the commit's vmlinuz.
    package let kernel: FilePath
    package let initramfs: FilePath
    /// As `uname -r`.
    package let kernelVersion: String
    package let isPVH: Bool
    private let entries: [CacheEntry]

    /// Part of the cache's keys: to be raised when the content made from equal input changes.
    private static let revision = 1

    /// Takes the kernel and modules out of the commit, or both results out of the cache.
    /// - Parameters:
    ///   - agent: the guest agent's static executable.
    ///   - cache: nil is the user's own.
    package static func prepare(
        repository: Repository,
        commit: Commit,
        agent: FilePath,
        modules: [WantedModule] = WantedModule.standard,
        cache: BootstrapCache? = nil
    ) throws(BootstrapError) -> BootstrapImage {
        let cache = if let cache { cache } else { try BootstrapCache.standard() }
        let found = try KernelFinder.find(in: commit, of: repository)
        let kernel = try cache.entry("kernel-\(revision)-\(found.image.hex)") {
            () throws(BootstrapError) in
            try kernelData(found, repository)
        }
        let agentBytes: [UInt8]
        do throws(Errno) {
            agentBytes = try readFile(agent, limit: 1 << 28)
        } catch {
            throw .agentUnreadable(agent, error)
        }
        let key = initramfsKey(found, agentBytes, modules)
        let initramfs = try cache.entry("initramfs-\(revision)-\(key)") {
            () throws(BootstrapError) in
            let set = try ModuleSet(kernel: found, commit: commit, repository: repository)
            let files = try set.load(modules)
            return (Initramfs.archive(agent: agentBytes, modules: files), [:])
        }
        return BootstrapImage(
            kernel: kernel.data,
            initramfs: initramfs.data,
            kernelVersion: found.version,
            isPVH: kernel.facts["entry"] == "pvh",
            entries: [kernel, initramfs]
        )
    }

    private static func kernelData(
        _ kernel: CommitKernel,
        _ repository: Repository
    ) throws(BootstrapError) -> (data: [UInt8], facts: [String: String]) {
        let vmlinuz = try BootstrapError.reading { () throws(OSTreeError) in
            try repository.openFile(kernel.image).content(verify: true)
        }
        do throws(Decompression.Failure) {
            let image = try KernelImage(vmlinuz: vmlinuz)
            return (image.bytes, ["entry": image.isPVH ? "pvh" : "bzimage"])
        } catch {
            throw .damaged("\(kernel.folder)/vmlinuz", reason: error.reason)
        }
    }

    /// Everything that the archive depends on. The folder's dirtree stands for all modules.
    private static func initramfsKey(
        _ kernel: CommitKernel,
        _ agent: [UInt8],
        _ modules: [WantedModule]
    ) -> String {
        var parts = [kernel.tree.hex, kernel.version, SHA256.checksum(of: agent).hex]
        parts += modules.map { "\($0.name) \($0.isRequired)" }
        return SHA256.checksum(of: Array(parts.joined(separator: "\n").utf8)).hex
    }
}
