import CLinux
import GuestProtocol
import SystemIO
import SystemPackage

/// Files that an empty one is mounted over for a while.
///
/// When a deployment is added, libostree (install_deployment_kernel of ostree-sysroot-deploy.c) looks for the
/// kernel of each deployment that stays. For that it also reads kernel and initramfs to the end, in pieces
/// of 4 KiB, and sums them up; but it only uses their names then, where /boot has them already. Emulated
/// that takes 0.6 s for each 40 MB.
struct KernelCover {
    private static let emptyFile: FilePath = "/run/builddisks/empty"
    private var covered: [FilePath] = []

    mutating func mount(_ files: [FilePath]) throws(Failure) {
        for file in files {
            try Failure.naming("cover", file.string) { () throws(Errno) in
                try makeDirectories(Self.emptyFile.removingLastComponent())
                _ = try OwnedFD.open(Self.emptyFile, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o400)
                try mountFileSystem(
                    Self.emptyFile.string,
                    file.string,
                    type: "",
                    flags: UInt(MS_BIND)
                )
            }
            covered.append(file)
        }
    }

    mutating func unmount() throws(Failure) {
        while let file = covered.last {
            try Failure.naming("uncover", file.string) { () throws(Errno) in
                _ = try syscall { unsafe file.withPlatformString { unsafe umount2($0, 0) } }
            }
            covered.removeLast()
        }
    }
}

/// Where a deployment has the files that /boot has copies of.
enum KernelFiles {
    /// Kernel and initramfs of a stateroot's newest deployment, if there is one and /boot has both.
    static func ofNewestDeployment(in sysroot: FilePath, osname: String) -> [FilePath] {
        let boot = sysroot.appending("boot")
        let folder = boot.appending("loader/entries")
        let entries = ((try? directoryNames(folder)) ?? []).compactMap { name in
            (try? readFile(folder.appending(name), limit: 1 << 16)).flatMap {
                DeploymentEntry(String(decoding: $0, as: UTF8.self), osname: osname)
            }
        }
        guard let newest = entries.max(by: { $0.version < $1.version }) else { return [] }
        // The link is another one afterwards.
        let modules = resolvedPath(sysroot.appending(newest.deployment))
            .appending("usr/lib/modules/\(newest.release)")
        let copies = boot.appending("ostree/\(osname)-\(newest.checksum)")
        let initramfs = ["initramfs.img", "initramfs"].map { modules.appending($0) }
        let pairs = [
            (modules.appending("vmlinuz"), copies.appending("vmlinuz-\(newest.release)")),
            (
                initramfs.first { fileExists($0) } ?? initramfs[0],
                copies.appending("initramfs-\(newest.release).img")
            ),
        ]
        return pairs.allSatisfy(isCopied) ? pairs.map(\.0) : []
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
