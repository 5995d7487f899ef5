import CLinux
import GuestProtocol
import SystemIO
import SystemPackage

/// Kernels that an empty file is mounted over while a deployment is added.
///
/// libostree (install_deployment_kernel of ostree-sysroot-deploy.c) looks for the kernel of each deployment,
/// of those that stay and of the new one, whose checksum it has made before. For that it also reads kernel and
/// initramfs to the end, in pieces of 4 KiB, and sums them up; but it only uses their names then, where /boot
/// has them already. Emulated that takes 0.6 s for each 40 MB.
struct KernelCover {
    /// What is covered at present.
    private struct Work {
        let sysroot: FilePath
        let osname: String
        let installed: DeployedKernel
        var files: [FilePath] = []
        let watch: NewDeploymentWatch?
    }

    private var work: Work?

    /// Covers the newest deployment's, and as soon as it may be the next one's; nothing where /boot has no
    /// copies.
    mutating func mount(sysroot: FilePath, osname: String) throws(Failure) {
        guard let installed = DeployedKernel.newest(in: sysroot, osname: osname) else { return }
        // A watch is of what a path leads to: before that is covered.
        let watch = try? NewDeploymentWatch(beside: installed)
        work = Work(sysroot: sysroot, osname: osname, installed: installed, watch: watch)
        for file in [installed.kernel, installed.initramfs] {
            try EmptyFile.cover(file)
            work?.files.append(file)
        }
    }

    /// - Throws: also where /boot does not have the new deployment's kernel after all.
    mutating func unmount() throws(Failure) {
        guard let work else { return }
        let late = work.watch?.end() ?? []
        self.work?.files += late
        while let file = self.work?.files.last {
            try EmptyFile.uncover(file)
            self.work?.files.removeLast()
        }
        self.work = nil
        if late.isEmpty { return }
        let newest = DeployedKernel.newest(in: work.sysroot, osname: work.osname)
        guard newest?.checksum == work.installed.checksum else {
            throw Failure(
                .systemCall,
                step: "find the new deployment's kernel in",
                subject: work.sysroot.appending("boot").string,
                errno: ENOENT
            )
        }
    }
}

/// The file that is mounted over others.
enum EmptyFile {
    private static let path: FilePath = "/run/builddisks/empty"

    static func cover(_ file: FilePath) throws(Failure) {
        try Failure.naming("cover", file.string) { () throws(Errno) in
            try makeDirectories(path.removingLastComponent())
            _ = try OwnedFD.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o400)
            try mountFileSystem(path.string, file.string, type: "", flags: UInt(MS_BIND))
        }
    }

    static func uncover(_ file: FilePath) throws(Failure) {
        try Failure.naming("uncover", file.string) { () throws(Errno) in
            _ = try syscall { unsafe file.withPlatformString { unsafe umount2($0, 0) } }
        }
    }
}
