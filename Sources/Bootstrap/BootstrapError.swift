package import OSTree
package import SystemPackage

/// Why a bootstrap machine cannot be prepared from a commit.
package enum BootstrapError: Error, Sendable {
    /// No folder below usr/lib/modules holds a kernel.
    case noKernel(commit: Checksum)
    case severalKernels(commit: Checksum, versions: [String])
    /// A file that a kernel package always has.
    case kernelFileMissing(String, kernelVersion: String)
    case moduleMissing(String, kernelVersion: String, reason: String)
    /// A module or kernel that does not decompress, or is not what it should be.
    case damaged(String, reason: String)
    /// The agent's executable cannot be read.
    case agentUnreadable(FilePath, Errno)
    case cacheUnusable(FilePath, Errno)
    case repository(OSTreeError)
    /// Neither XDG_CACHE_HOME nor HOME is set.
    case noCacheFolder

    /// Whether the host is to be mended, not the commit.
    package var isOfTheHost: Bool {
        switch self {
        case .agentUnreadable, .cacheUnusable, .noCacheFolder: true
        case .noKernel, .severalKernels, .kernelFileMissing, .moduleMissing, .damaged, .repository:
            false
        }
    }
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
        case .kernelFileMissing(let file, let version):
            "kernel \(version) of the commit lacks \(file); run depmod in the tree"
        case .moduleMissing(let name, let version, let reason):
            "kernel \(version) of the commit has no module \(name), needed for \(reason); "
                + "add it to the tree (Debian's cloud kernels lack 9P: take linux-image-amd64)"
        case .damaged(let file, let reason):
            "\(file) of the commit cannot be used: \(reason)"
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
