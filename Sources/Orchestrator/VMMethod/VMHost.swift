import Bootstrap
import ByteStream
import NinePServer
import OSTree
import OSTreeExport
import Pack
import SystemIO
import SystemPackage

/// What the host makes ready for a bootstrap VM of a commit: the kernel to boot, and the views that
/// it serves.
struct VMHost {
    let bootstrap: BootstrapImage
    let root: BootstrapRoot
    /// What the VM is made of and why, in one line.
    let description: String
    let service: NinePService
    private let tree: CommitTree
    private let treeRepository: Repository
    /// Serves the commit's objects, where the guest is to have them so.
    var pack: PackService?

    /// By port of the virtio socket.
    var services: [UInt32: any StreamService] {
        var services: [UInt32: any StreamService] = [VMServices.port: service]
        if let pack { services[VMServices.packPort] = pack }
        return services
    }

    /// What the guest could not read of its root, if anything; it only saw an errno.
    var readFailure: OSTreeError? { tree.readFailures.first }

    /// The disk that the guest has its root on, if that is not a view.
    /// - Parameter folder: for the disk's image.
    func rootDisk(
        in folder: PrivateFolder,
        threads: Int
    ) throws(BuildError) -> MachineConfiguration.Disk? {
        try root.disk(of: tree.commit, in: treeRepository, folder, threads: threads)
    }

    /// - Parameters:
    ///   - accelerator: what is going to run it.
    ///   - programs: what the bootstrap tree has to hold.
    ///   - observer: hears of every reply of the 9P server.
    init(
        repository: Repository,
        commit: Commit,
        options: BootstrapOptions,
        accelerator: AcceleratorChoice,
        programs: [String],
        agent: FilePath,
        observer: (any NinePObserver)?
    ) throws(BuildError) {
        let choice = try BootstrapChoice(
            options,
            accelerator: accelerator,
            repository: repository,
            commit: commit,
            programs: programs,
            agent: agent
        )
        bootstrap = choice.image
        root = choice.root
        description = choice.description
        treeRepository = choice.repository
        do throws(OSTreeError) {
            tree = try CommitTree(repository: choice.repository, commit: choice.commit)
        } catch {
            throw BuildError(.input, "\(error)")
        }
        let folder: HostTree
        do throws(Errno) {
            folder = try HostTree(path: repository.path)
        } catch {
            throw BuildError(.input, "cannot serve \(repository.path): \(error)")
        }
        service = NinePService(
            exports: ExportTable([
                (VMServices.treeExport, tree), (VMServices.repositoryExport, folder),
            ]),
            observer: observer
        )
    }
}
