import CLinux
import SystemIO
import SystemPackage

/// Waits for the moment when libostree has made the checksum of a new deployment's kernel, and covers that
/// kernel then: it is read once more otherwise.
///
/// The moment shows by inotify(7): hard links are one file, and so the new deployment's kernel is the installed
/// one's, if it has not changed. It is read at the end of the checkout (sysroot_initialize_deployment), first
/// the kernel and then the initramfs. That it comes late does no harm.
final class NewDeploymentWatch: Sendable {
    private let installed: DeployedKernel
    private let folder: FilePath
    private let before: Set<String>
    private let events: SharedFD
    private let kernelWatch: CInt
    private let stopping: EventFD
    private let covered = Latch<[FilePath]>()

    init(beside installed: DeployedKernel) throws(Errno) {
        self.installed = installed
        folder = installed.deployment.removingLastComponent()
        before = Set(try directoryNames(folder))
        let queue = SharedFD(
            OwnedFD(try syscall { inotify_init1(CInt(IN_CLOEXEC)) })
        )
        kernelWatch = try Self.watch(installed.kernel, queue)
        _ = try Self.watch(installed.initramfs, queue)
        events = queue
        stopping = try EventFD()
        _ = try Thread(name: "new-deployment") { self.covered.set(self.run()) }
    }

    private static func watch(_ file: FilePath, _ queue: SharedFD) throws(Errno) -> CInt {
        let descriptor = queue.rawValue
        return try syscall {
            unsafe file.withPlatformString {
                unsafe inotify_add_watch(descriptor, $0, UInt32(IN_CLOSE_NOWRITE))
            }
        }
    }

    /// Stops waiting.
    /// - Returns: what has been covered.
    func end() -> [FilePath] {
        stopping.signal()
        return covered.wait()
    }

    private func run() -> [FilePath] {
        var isKernelRead = false
        while pollReadable([stopping.rawValue, events.rawValue], milliseconds: -1) == 1 {
            for watch in nextWatches() {
                if watch == kernelWatch {
                    isKernelRead = true
                } else if isKernelRead, let new = newKernel() {
                    return [new.kernel, new.initramfs].filter { (try? EmptyFile.cover($0)) != nil }
                }
            }
        }
        return []
    }

    /// Which files have been closed (struct inotify_event: watch, mask, cookie, length of a name that files
    /// which are watched themselves do not have; 32 bits each).
    private func nextWatches() -> [CInt] {
        let bytes = (try? readSome(events.rawValue, limit: 4096)) ?? []
        return stride(from: 0, to: bytes.count - 15, by: 16).map { start in
            bytes[start..<start + 4].reversed().reduce(0) { $0 << 8 | CInt($1) }
        }
    }

    /// Of the deployment that has come since.
    private func newKernel() -> DeployedKernel? {
        for name in (try? directoryNames(folder)) ?? [] where !before.contains(name) {
            if let twin = installed.twin(in: folder.appending(name)) { return twin }
        }
        return nil
    }
}
