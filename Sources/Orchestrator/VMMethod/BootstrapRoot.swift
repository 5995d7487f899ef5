import Compose
import GuestProtocol
import OSTree
import OSTreeExport
import SystemPackage

/// How the guest has the bootstrap tree.
enum BootstrapRoot: Equatable {
    /// Live, as an export of our 9P server.
    case view
    /// As an image that was made of it, on a disk.
    case image

    private static let serial = "tree"

    /// Makes the disk that the machine needs for it, if any.
    /// - Parameter folder: removed when the machine has ended.
    func disk(
        of commit: Commit,
        in repository: Repository,
        _ folder: PrivateFolder,
        threads: Int
    ) throws(BuildError) -> MachineConfiguration.Disk? {
        guard self == .image else { return nil }
        let path = folder.path.appending("tree.qcow2")
        do throws(ComposeError) {
            try TreeImage.write(
                commit,
                of: repository,
                mountPoints: MountPoint.standard.map {
                    Addition(
                        path: $0.path,
                        mode: UInt16(truncatingIfNeeded: $0.mode),
                        content: .directory
                    )
                },
                to: path,
                threads: threads
            )
        } catch {
            throw ComposeMethod.error(error)
        }
        return MachineConfiguration.Disk(
            path: path,
            format: .qcow2,
            serial: Self.serial,
            isReadOnly: true
        )
    }

    /// Mounts the tree in the guest.
    /// - Returns: the path of its root, at or below `target`.
    func mount(in guest: Guest, at target: String) throws(BuildError) -> String {
        let step = "mount the bootstrap tree in the guest"
        switch self {
        case .view:
            try guest.mountView(VMServices.treeExport, at: target, step)
            return target
        case .image:
            try guest.perform(
                .mount(
                    MountFileSystem(
                        device: BlockDevice(serial: Self.serial),
                        type: "ext4",
                        target: target,
                        options: ["ro"]
                    )
                ),
                step
            )
            return target + "/" + TreeImage.folder
        }
    }
}
