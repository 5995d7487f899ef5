package import OSTree

/// The one kernel of a commit, and the folder that it is in.
package struct CommitKernel: BootKernel {
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
    let commit: Commit
    let repository: Repository

    package var origin: String { "the commit" }

    package func imageKey() -> String { image.hex }

    package func modulesKey() -> String { tree.hex }

    package func imageBytes() throws(BootstrapError) -> [UInt8] {
        try BootstrapError.reading { () throws(OSTreeError) in
            try repository.openFile(image).content(verify: true)
        }
    }

    package func file(_ path: String) throws(BootstrapError) -> [UInt8]? {
        try content("\(folder)/\(path)")
    }

    package func configuration() throws(BootstrapError) -> [UInt8]? {
        for path in ["\(folder)/config", "usr/lib/ostree-boot/config-\(version)"] {
            if let text = try content(path) { return text }
        }
        return nil
    }

    private func content(_ path: String) throws(BootstrapError) -> [UInt8]? {
        try BootstrapError.reading { () throws(OSTreeError) in
            try repository.contents(of: path, in: commit)
        }
    }
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
                    tree: folder.tree,
                    commit: commit,
                    repository: repository
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
