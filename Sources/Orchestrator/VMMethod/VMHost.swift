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
    let service: NinePService
    /// Serves the commit's objects, where the guest is to have them so.
    var pack: PackService?

    /// By port of the virtio socket.
    var services: [UInt32: any StreamService] {
        var services: [UInt32: any StreamService] = [VMServices.port: service]
        if let pack { services[VMServices.packPort] = pack }
        return services
    }

    /// - Parameter observer: hears of every reply of the 9P server.
    init(
        repository: Repository,
        commit: Commit,
        agent: FilePath,
        observer: (any NinePObserver)?
    ) throws(BuildError) {
        let tree: CommitTree
        do {
            tree = try CommitTree(repository: repository, commit: commit)
            bootstrap = try BootstrapImage.prepare(
                repository: repository,
                commit: commit,
                agent: agent
            )
        } catch let error as OSTreeError {
            throw BuildError(.input, "\(error)")
        } catch let error as BootstrapError {
            throw BuildError(error.isOfTheHost ? .host : .input, "\(error)")
        } catch {
            throw BuildError(.fault, "\(error)")
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
