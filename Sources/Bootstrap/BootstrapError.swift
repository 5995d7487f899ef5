package import OSTree
package import SystemPackage

/// Why a bootstrap machine cannot be prepared from a commit.
package enum BootstrapError: Error, Sendable {
    /// No folder below usr/lib/modules holds a kernel.
    case noKernel(commit: Checksum)
    case severalKernels(commit: Checksum, versions: [String])
    /// A file that a kernel package always has.
    case kernelFileMissing(String, KernelName)
    case moduleMissing(String, KernelName, reason: String)
    /// A module or kernel that does not decompress, or is not what it should be.
    case damaged(String, KernelName, reason: String)
    /// A file of the host that a kernel was to be taken from.
    case hostKernelUnusable(FilePath, reason: String)
    /// The agent's executable cannot be read.
    case agentUnreadable(FilePath, Errno)
    case cacheUnusable(FilePath, Errno)
    case repository(OSTreeError)
    /// Neither XDG_CACHE_HOME nor HOME is set.
    case noCacheFolder

    /// Whether another cache would do.
    package var isOfTheCache: Bool {
        switch self {
        case .cacheUnusable, .noCacheFolder: true
        default: false
        }
    }

    /// Whether there is no room, rather than no right.
    package var isLackOfSpace: Bool {
        switch self {
        case .cacheUnusable(_, .noSpace), .cacheUnusable(_, .diskQuotaExceeded): true
        default: false
        }
    }

    /// Whether the host is to be mended, not the commit.
    package var isOfTheHost: Bool {
        switch self {
        case .agentUnreadable, .cacheUnusable, .noCacheFolder: true
        case .noKernel, .severalKernels, .kernelFileMissing, .moduleMissing, .damaged, .repository,
            .hostKernelUnusable:
            false
        }
    }
}

/// A kernel in messages: "kernel 6.1.0-1-amd64 of the commit".
package struct KernelName: Sendable, Equatable, CustomStringConvertible {
    package let version: String
    package let origin: String

    package init(version: String, origin: String) {
        self.version = version
        self.origin = origin
    }

    init(_ kernel: any BootKernel) { self.init(version: kernel.version, origin: kernel.origin) }

    package var description: String { "kernel \(version) of \(origin)" }
}

extension BootstrapError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noKernel(let commit):
            "commit \(commit) holds no kernel: expected one "
                + "usr/lib/modules/VERSION/vmlinuz; install a kernel into the tree"
        case .severalKernels(let commit, let versions):
            "commit \(commit) holds several kernels (\(versions.joined(separator: ", "))): "
                + "which one OSTree boots would be left to chance; keep one"
        case .kernelFileMissing(let file, let kernel):
            "\(kernel) lacks \(file); run depmod where its modules are"
        case .moduleMissing(WantedModule.nineP, let kernel, let reason):
            "\(kernel) has no module 9p, needed for \(reason) with --pull 9p or "
                + "--bootstrap-root 9p; leave that out, or name another kernel "
                + "with --kernel FILE --modules FOLDER"
        case .moduleMissing(let name, let kernel, let reason):
            "\(kernel) has no module \(name), needed for \(reason); add it to the tree, or name "
                + "another kernel with --kernel FILE --modules FOLDER"
        case .damaged(let file, let kernel, let reason):
            "\(file) of \(kernel) cannot be used: \(reason)"
        case .hostKernelUnusable(let path, let reason):
            "no kernel to be had from \(path): \(reason)"
        case .agentUnreadable(let path, let errno):
            "cannot read the guest agent \(path): \(errno); it belongs beside the other binaries"
        case .cacheUnusable(let path, let errno):
            "cannot use the cache folder \(path): \(errno); set XDG_CACHE_HOME to a folder of yours"
        case .repository(let error):
            error.description
        case .noCacheFolder:
            "no place for the cache: set HOME or XDG_CACHE_HOME"
        }
    }

    /// Passes on what the repository says.
    static func reading<Value>(
        _ body: () throws(OSTreeError) -> Value
    ) throws(BootstrapError) -> Value {
        do throws(OSTreeError) { return try body() } catch { throw .repository(error) }
    }
}
