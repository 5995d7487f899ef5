import GuestProtocol
import SystemIO
import SystemPackage

/// Kernel and initramfs of a deployment, where /boot has copies of both.
struct DeployedKernel: Equatable {
    /// The deployment's own folder.
    let deployment: FilePath
    /// As `uname -r`.
    let release: String
    /// Of kernel and initramfs together, as /boot/ostree has it.
    let checksum: String
    let kernel: FilePath
    let initramfs: FilePath
    /// Of the files themselves, whatever is mounted over them later.
    private let kernelInode: UInt64
    private let initramfsInode: UInt64

    /// Those of a stateroot's newest deployment, if there is one and /boot has both.
    static func newest(in sysroot: FilePath, osname: String) -> DeployedKernel? {
        let boot = sysroot.appending("boot")
        let folder = boot.appending("loader/entries")
        let entries = ((try? directoryNames(folder)) ?? []).compactMap { name in
            (try? readFile(folder.appending(name), limit: 1 << 16)).flatMap {
                DeploymentEntry(String(decoding: $0, as: UTF8.self), osname: osname)
            }
        }
        guard let newest = entries.max(by: { $0.version < $1.version }),
            // The link is another one afterwards.
            let kernel = DeployedKernel(
                in: resolvedPath(sysroot.appending(newest.deployment)),
                release: newest.release,
                checksum: newest.checksum
            )
        else { return nil }
        let copies = boot.appending("ostree/\(osname)-\(newest.checksum)")
        let areCopied =
            isCopied(kernel.kernel, copies.appending("vmlinuz-\(newest.release)"))
            && isCopied(kernel.initramfs, copies.appending("initramfs-\(newest.release).img"))
        return areCopied ? kernel : nil
    }

    /// What another deployment has of its own; nil unless libostree is going to give it the same checksum: both
    /// are links to these files, and neither deployment has a device tree, which counts as well.
    func twin(in other: FilePath) -> DeployedKernel? {
        guard let twin = DeployedKernel(in: other, release: release, checksum: checksum),
            twin.kernelInode == kernelInode, twin.initramfsInode == initramfsInode,
            !hasDeviceTree, !twin.hasDeviceTree
        else { return nil }
        return twin
    }

    private var hasDeviceTree: Bool {
        let modules = kernel.removingLastComponent()
        return ["devicetree", "dtb"].contains { fileExists(modules.appending($0)) }
    }

    private init?(in deployment: FilePath, release: String, checksum: String) {
        let modules = deployment.appending("usr/lib/modules/\(release)")
        kernel = modules.appending("vmlinuz")
        initramfs = modules.appending(
            fileExists(modules.appending("initramfs.img")) ? "initramfs.img" : "initramfs"
        )
        guard let kernelStatus = try? FileStatus(kernel, followingLinks: false),
            let initramfsStatus = try? FileStatus(initramfs, followingLinks: false)
        else { return nil }
        kernelInode = kernelStatus.inode
        initramfsInode = initramfsStatus.inode
        self.deployment = deployment
        self.release = release
        self.checksum = checksum
    }

    private static func isCopied(_ file: FilePath, _ copy: FilePath) -> Bool {
        guard let file = try? FileStatus(file, followingLinks: false),
            let copy = try? FileStatus(copy, followingLinks: false)
        else { return false }
        return file.kind == .regular && copy.kind == .regular && file.size > 0
            && file.size == copy.size
    }
}

/// What a boot loader's entry (Boot Loader Specification, type 1) says of its deployment.
struct DeploymentEntry: Equatable {
    let version: Int
    /// Link to the deployment, below the sysroot.
    let deployment: String
    /// Of kernel and initramfs together, as /boot/ostree has it.
    let checksum: String
    /// As `uname -r`.
    let release: String

    /// - Parameter text: of a file `loader/entries/*.conf`.
    /// - Returns: nil for what is no deployment of this stateroot.
    init?(_ text: String, osname: String) {
        var fields: [Substring: Substring] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: " ", maxSplits: 1)
            if parts.count == 2 { fields[parts[0]] = parts[1] }
        }
        guard let version = fields["version"].flatMap({ Int($0) }),
            let options = fields["options"]?.split(separator: " "),
            let link = options.first(where: { $0.hasPrefix("ostree=/") })?.dropFirst(8),
            let kernel = fields["linux"]?.split(separator: "/").last
        else { return nil }
        // ostree/boot.1/OSNAME/CHECKSUM/SERIAL
        let words = link.split(separator: "/")
        guard words.count == 5, words[2] == osname, kernel.hasPrefix("vmlinuz-"),
            !words.contains("..")
        else { return nil }
        self.version = version
        deployment = words.joined(separator: "/")
        checksum = String(words[3])
        release = String(kernel.dropFirst("vmlinuz-".count))
    }
}
