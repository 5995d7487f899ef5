import CLinux
import OSTree
import SystemIO
package import SystemPackage

/// What a bootstrap machine is started with: a kernel, as a rule the commit's own, and an initramfs of
/// the guest agent and the kernel's modules. The files stay in the cache as long as this value lives.
package struct BootstrapImage: Sendable {
    /// What `-kernel` is to be: an ELF `vmlinux` if `isPVH`, else the vmlinuz as it was. A kernel that is
    /// a program: that program, where it is.
    package let kernel: FilePath
    package let initramfs: FilePath
    /// As `uname -r`.
    package let kernelVersion: String
    package let isPVH: Bool
    /// The kernel's timer ticks a second (CONFIG_HZ), where that is known.
    package let tickRate: Int?
    private let entries: [CacheEntry]

    /// Part of the cache's keys: to be raised when the content made from equal input changes.
    private static let revision = 2

    /// Takes apart the kernel and its modules, or takes both results out of the cache.
    /// - Parameters:
    ///   - agent: the guest agent's static executable.
    ///   - cache: nil is the user's own.
    package static func prepare(
        _ source: any BootKernel,
        agent: FilePath,
        modules: [WantedModule] = WantedModule.standard,
        cache: BootstrapCache? = nil
    ) throws(BootstrapError) -> BootstrapImage {
        let cache = if let cache { cache } else { try BootstrapCache.standard() }
        let kernel: FilePath
        var isPVH = false
        var entries: [CacheEntry] = []
        if let program = source.program {
            kernel = program
        } else {
            let entry = try cache.entry("kernel-\(revision)-\(try source.imageKey())") {
                () throws(BootstrapError) in
                try kernelData(source)
            }
            kernel = entry.data
            isPVH = entry.facts["entry"] == "pvh"
            entries.append(entry)
        }
        let agentBytes: [UInt8]
        do throws(Errno) {
            agentBytes = try readFile(agent, limit: 1 << 28)
        } catch {
            throw .agentUnreadable(agent, error)
        }
        let key = initramfsKey(source, try source.modulesKey(), agentBytes, modules)
        let initramfs = try cache.entry("initramfs-\(revision)-\(key)") {
            () throws(BootstrapError) in
            let set = try ModuleSet(source)
            let archive = Initramfs.archive(
                agent: agentBytes,
                modules: try set.load(modules),
                orders: set.orders(of: modules)
            )
            return (archive, [:])
        }
        return BootstrapImage(
            kernel: kernel,
            initramfs: initramfs.data,
            kernelVersion: source.version,
            isPVH: isPVH,
            tickRate: try source.tickRate(),
            entries: entries + [initramfs]
        )
    }

    private static func kernelData(
        _ kernel: any BootKernel
    ) throws(BootstrapError) -> (data: [UInt8], facts: [String: String]) {
        let vmlinuz = try kernel.imageBytes()
        do throws(Decompression.Failure) {
            let image = try KernelImage(vmlinuz: vmlinuz)
            return (image.bytes, ["entry": image.isPVH ? "pvh" : "bzimage"])
        } catch {
            throw .damaged("the image", KernelName(kernel), reason: error.reason)
        }
    }

    /// Everything that the archive depends on.
    private static func initramfsKey(
        _ kernel: any BootKernel,
        _ modulesKey: String,
        _ agent: [UInt8],
        _ modules: [WantedModule]
    ) -> String {
        var parts = [modulesKey, kernel.version, SHA256.checksum(of: agent).hex]
        parts += modules.map { "\($0.name) \($0.isRequired)" }
        return SHA256.checksum(of: Array(parts.joined(separator: "\n").utf8)).hex
    }
}
