package import OSTree

/// The one kernel of a commit, and the folder that it is in.
package struct CommitKernel: Sendable {
    /// As `uname -r`.
    package let version: String
    /// "usr/lib/modules/VERSION".
    package let folder: String
    /// Object of `vmlinuz`.
    package let image: Checksum
    /// Object of `initramfs.img`, the booted system's own; bootstrap does not need it.
    package let initramfs: Checksum?
    /// The folder's dirtree: its checksum stands for the kernel with all its modules.
    package let tree: Checksum
}

package enum KernelFinder {
    private static let modules = "usr/lib/modules"

    /// Finds `usr/lib/modules/VERSION/vmlinuz`, the place that OSTree deploys from. More than one is
    /// refused: libostree takes the first in the order of readdir.
    package static func find(
        in commit: Commit,
        of repository: Repository
    ) throws(BootstrapError) -> CommitKernel {
        let versions = try BootstrapError.reading { () throws(OSTreeError) in
            try repository.directory(at: modules, in: commit)
        }
        guard let versions else {
            throw .noKernel(commit: commit.checksum)
        }
        var found: [CommitKernel] = []
        for folder in versions.directories {
            let tree = try BootstrapError.reading { () throws(OSTreeError) in
                try repository.dirTree(folder.tree)
            }
            guard let image = tree.file(named: Array("vmlinuz".utf8)) else { continue }
            let version = String(decoding: folder.name, as: UTF8.self)
            found.append(
                CommitKernel(
                    version: version,
                    folder: "\(modules)/\(version)",
                    image: image.checksum,
                    initramfs: tree.file(named: Array("initramfs.img".utf8))?.checksum
                        ?? tree.file(named: Array("initramfs".utf8))?.checksum,
                    tree: folder.tree
                )
            )
        }
        guard let kernel = found.first else {
            throw .noKernel(commit: commit.checksum)
        }
        guard found.count == 1 else {
            throw .severalKernels(
                commit: commit.checksum,
                versions: found.map(\.version)
            )
        }
        return kernel
    }
}
