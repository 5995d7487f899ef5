import CLinux
import OSTree
import SystemIO
package import SystemPackage

/// A kernel in files of this host: for commits whose own lacks what a bootstrap machine needs.
package struct HostKernel: BootKernel {
    package let version: String
    package let imagePath: FilePath
    /// The folder VERSION of lib/modules.
    package let modules: FilePath

    /// Whether the image is a program that runs as it is, and no machine's kernel.
    private let isProgram: Bool

    package var origin: String { "this host" }

    package var program: FilePath? { isProgram ? imagePath : nil }

    /// A kernel by name. The version comes from the image; `modules` is the folder of that version, or
    /// one that holds it (nil: /lib/modules).
    package init(image: FilePath, modules: FilePath?) throws(BootstrapError) {
        let bytes = try Self.read(image)
        guard let version = KernelImage.version(of: bytes) else {
            throw .hostKernelUnusable(image, reason: "it is no x86 kernel image (bzImage)")
        }
        let parent = modules ?? "/lib/modules"
        let candidates = [parent.appending(version), parent]
        guard let folder = candidates.first(where: { fileExists($0.appending("modules.dep")) })
        else {
            throw .hostKernelUnusable(
                parent,
                reason: "the image \(image) is Linux \(version), and no modules.dep is there for it"
            )
        }
        self.version = version
        imagePath = image
        self.modules = folder
        isProgram = false
    }

    private init(version: String, image: FilePath, modules: FilePath, isProgram: Bool = false) {
        self.version = version
        imagePath = image
        self.modules = modules
        self.isProgram = isProgram
    }

    /// User-mode Linux.
    /// - Parameters:
    ///   - version: as it tells itself.
    ///   - modules: the folder with its modules.dep.
    package init(program: FilePath, version: String, modules: FilePath) {
        self.init(version: version, image: program, modules: modules, isProgram: true)
    }

    /// The installed kernels of a host whose image may be read, last version first.
    /// - Parameter root: of the host.
    package static func installed(root: FilePath = "/") -> [HostKernel] {
        let folder = root.appending("lib/modules")
        let versions = ((try? directoryNames(folder)) ?? []).reversed()
        return versions.compactMap { version in
            let modules = folder.appending(version)
            let images = [
                root.appending("boot/vmlinuz-\(version)"), modules.appending("vmlinuz"),
            ]
            guard let image = images.first(where: { mayAccess($0, R_OK) }),
                fileExists(modules.appending("modules.dep"))
            else { return nil }
            return HostKernel(version: version, image: image, modules: modules)
        }
    }

    package func imageKey() throws(BootstrapError) -> String {
        SHA256.checksum(of: try imageBytes()).hex
    }

    /// From the names, sizes and times of all files of the folder.
    package func modulesKey() throws(BootstrapError) -> String {
        var lines: [String] = []
        var folders: [FilePath] = [modules]
        do throws(Errno) {
            while let folder = folders.popLast() {
                for name in try directoryNames(folder) {
                    let path = folder.appending(name)
                    let status = try FileStatus(path, followingLinks: false)
                    if status.kind == .directory {
                        folders.append(path)
                    } else {
                        lines.append("\(path) \(status.size) \(status.modified) \(status.inode)")
                    }
                }
            }
        } catch {
            throw .hostKernelUnusable(modules, reason: "\(error)")
        }
        return SHA256.checksum(of: Array(lines.sorted().joined(separator: "\n").utf8)).hex
    }

    package func imageBytes() throws(BootstrapError) -> [UInt8] { try Self.read(imagePath) }

    package func file(_ path: String) throws(BootstrapError) -> [UInt8]? {
        let file = modules.appending(path)
        return fileExists(file) ? try Self.read(file) : nil
    }

    package func configuration() -> [UInt8]? {
        let places = [
            modules.appending("config"),
            imagePath.removingLastComponent().appending("config-\(version)"),
        ]
        for place in places {
            if let text = try? readFile(place) { return text }
        }
        return nil
    }

    private static func read(_ path: FilePath) throws(BootstrapError) -> [UInt8] {
        do throws(Errno) {
            return try readFile(path, limit: 1 << 28)
        } catch {
            throw .hostKernelUnusable(path, reason: "\(error)")
        }
    }
}
