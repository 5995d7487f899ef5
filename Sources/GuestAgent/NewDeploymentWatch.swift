import CLinux
import SystemIO
import SystemPackage

/// Waits for the moment when libostree has made the checksum of a new deployment's kernel, and covers that
/// kernel then: it is read once more otherwise. That it comes late does no harm.
///
/// The moment shows by inotify(7). The checksum is made between the checkout and the making of /etc
/// (sysroot_initialize_deployment), and for it kernel and initramfs are read to the end. Hard links are one file:
/// if they have not changed, they are the installed deployment's.
final class NewDeploymentWatch: Sendable {
    private let installed: DeployedKernel
    private let folder: FilePath
    private let before: Set<String>
    private let queue: FileEvents
    private let folderWatch: CInt
    private let kernelWatch: CInt
    private let initramfsWatch: CInt
    private let stopping: EventFD
    private let covered = Latch<[FilePath]>()

    /// The deployment that has come since.
    private struct New {
        var path: FilePath
        var watch: CInt
        var isKernelRead = false
        var isInitramfsRead = false
    }

    init(beside installed: DeployedKernel) throws(Errno) {
        self.installed = installed
        folder = installed.deployment.removingLastComponent()
        before = Set(try directoryNames(folder))
        queue = try FileEvents()
        folderWatch = try queue.watch(folder, Self.arrival)
        kernelWatch = try queue.watch(installed.kernel, UInt32(IN_CLOSE_NOWRITE))
        initramfsWatch = try queue.watch(installed.initramfs, UInt32(IN_CLOSE_NOWRITE))
        stopping = try EventFD()
        _ = try Thread(name: "new-deployment") { self.covered.set(self.run()) }
    }

    private static let arrival = UInt32(IN_CREATE) | UInt32(IN_MOVED_TO)

    /// Stops waiting.
    /// - Returns: what has been covered.
    func end() -> [FilePath] {
        stopping.signal()
        return covered.wait()
    }

    private func run() -> [FilePath] {
        var new: New?
        while pollReadable([stopping.rawValue, queue.rawValue], milliseconds: -1) == 1 {
            for event in queue.next() {
                switch event.watch {
                case folderWatch where !before.contains(event.name):
                    let path = folder.appending(event.name)
                    new = (try? queue.watch(path, Self.arrival)).map { New(path: path, watch: $0) }
                case kernelWatch: new?.isKernelRead = true
                case initramfsWatch: new?.isInitramfsRead = true
                default:
                    guard let new, event.watch == new.watch, event.name == "etc",
                        new.isKernelRead, new.isInitramfsRead,
                        let twin = installed.twin(in: new.path)
                    else { continue }
                    return [twin.kernel, twin.initramfs].filter {
                        (try? EmptyFile.cover($0)) != nil
                    }
                }
            }
        }
        return []
    }
}
