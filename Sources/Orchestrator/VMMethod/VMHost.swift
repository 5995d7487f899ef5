import Bootstrap
import ByteStream
import NinePServer
import OSTree
import OSTreeExport
import Pack
import SystemIO
import SystemPackage

/// What the host makes ready for a bootstrap VM of a commit: the views that it serves, and what a
/// machine boots.
struct VMHost {
    let service: NinePService
    let accelerators: AcceleratorSelection
    private let view: CommitTree
    /// Serves the commit's objects, where the guest is to have them so.
    var pack: PackService?
    private let tree: BootstrapTree
    private let commit: Commit
    private let repository: Repository
    private let options: BootstrapOptions
    private let programs: [String]
    private let agent: FilePath

    /// By port of the virtio socket.
    var services: [UInt32: any StreamService] {
        var services: [UInt32: any StreamService] = [VMServices.port: service]
        if let pack { services[VMServices.packPort] = pack }
        return services
    }

    /// What the guest could not read of its root, if anything; it only saw an errno.
    var readFailure: OSTreeError? { view.readFailures.first }

    /// What one kind of machine boots.
    struct Boot {
        let choice: BootstrapChoice
        /// What the guest has its root on, if that is not a view.
        let rootDisk: MachineConfiguration.Disk?
        private let accelerator: Accelerator

        init(
            _ choice: BootstrapChoice,
            rootDisk: MachineConfiguration.Disk?,
            on accelerator: Accelerator
        ) {
            self.choice = choice
            self.rootDisk = rootDisk
            self.accelerator = accelerator
        }

        /// KVM and emulation boot the same.
        func serves(_ other: Accelerator) -> Bool { accelerator.machine == other.machine }
    }

    /// What the best accelerator that can do it is to boot.
    /// - Parameters:
    ///   - accelerators: loses those that cannot.
    ///   - folder: for the image of a disk.
    func boot(
        _ accelerators: inout AcceleratorSelection,
        in folder: PrivateFolder,
        threads: Int
    ) throws(BuildError) -> Boot {
        try accelerators.best { accelerator throws(BuildError) in
            let choice = try BootstrapChoice(
                options,
                accelerator: accelerator,
                tree: tree,
                commit: commit,
                repository: repository,
                programs: programs,
                agent: agent,
                scratch: folder.path
            )
            return Boot(
                choice,
                rootDisk: try choice.root.disk(
                    of: tree.commit,
                    in: tree.repository,
                    folder,
                    threads: threads
                ),
                on: accelerator
            )
        }
    }

    /// - Parameters:
    ///   - accelerator: what is going to run it.
    ///   - memory: of the guest, in MiB.
    ///   - programs: what the bootstrap tree has to hold.
    ///   - observer: hears of every reply of the 9P server.
    init(
        repository: Repository,
        commit: Commit,
        options: BootstrapOptions,
        accelerator: AcceleratorChoice,
        memory: Int,
        programs: [String],
        agent: FilePath,
        observer: (any NinePObserver)?
    ) throws(BuildError) {
        self.commit = commit
        self.repository = repository
        self.options = options
        self.programs = programs
        self.agent = agent
        accelerators = try AcceleratorSelection(
            accelerator,
            HostAccelerators(options: options, memory: memory)
        )
        tree = try BootstrapTree(options, repository: repository, commit: commit)
        let budget = DescriptorBudget()
        do throws(OSTreeError) {
            view = try CommitTree(
                repository: tree.repository,
                commit: tree.commit,
                budget: budget
            )
        } catch {
            throw BuildError(.input, "\(error)")
        }
        let folder: HostTree
        do throws(Errno) {
            folder = try HostTree(path: repository.path, budget: budget)
        } catch {
            throw BuildError(.input, "cannot serve \(repository.path): \(error)")
        }
        service = NinePService(
            exports: ExportTable([
                (VMServices.treeExport, view), (VMServices.repositoryExport, folder),
            ]),
            observer: observer
        )
    }
}
