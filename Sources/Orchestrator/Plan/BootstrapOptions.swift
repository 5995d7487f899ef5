import Bootstrap
import OSTree
package import SystemPackage

/// What the bootstrap VM is made of, as far as the user says so; otherwise it is the commit itself.
package struct BootstrapOptions: Sendable, Equatable {
    /// Another tree whose programs do the work.
    package var ref: String?
    /// Where that ref is; nil is the commit's own repository.
    package var repository: FilePath?
    /// A kernel image of this host.
    package var kernel: FilePath?
    /// Its modules: the folder of its version, or one that holds that; nil is /lib/modules.
    package var modules: FilePath?
    /// nil is `auto`.
    package var root: RootChoice?
    /// Whether an emulated machine may be resumed from a snapshot; nil is yes. No disk differs by it.
    package var resumes: Bool?

    /// How the guest gets its root.
    package enum RootChoice: String, Sendable, CaseIterable {
        /// A view if the kernel has 9P, else an image.
        case auto
        /// The live view of the tree over 9P.
        case ninep = "9p"
        /// An image of the tree on a disk.
        case image
    }

    package init(
        ref: String? = nil,
        repository: FilePath? = nil,
        kernel: FilePath? = nil,
        modules: FilePath? = nil,
        root: RootChoice? = nil,
        resumes: Bool? = nil
    ) {
        self.ref = ref
        self.repository = repository
        self.kernel = kernel
        self.modules = modules
        self.root = root
        self.resumes = resumes
    }

    /// These, and what they leave open as `base` has it.
    package func over(_ base: BootstrapOptions) -> BootstrapOptions {
        BootstrapOptions(
            ref: ref ?? base.ref,
            repository: repository ?? base.repository,
            kernel: kernel ?? base.kernel,
            modules: modules ?? base.modules,
            root: root ?? base.root,
            resumes: resumes ?? base.resumes
        )
    }

    /// What makes no sense of it, if anything.
    var obstacle: String? {
        if repository != nil && ref == nil {
            return "a bootstrap repository without a bootstrap ref: give both"
        }
        if modules != nil && kernel == nil { return "modules without a kernel: give both" }
        return nil
    }

    /// Whether what it names is there, whatever becomes of it: `auto` may need no VM today.
    func check(repository: Repository, commit: Commit) throws(BuildError) {
        _ = try BootstrapTree(self, repository: repository, commit: commit)
        guard let kernel else { return }
        do throws(BootstrapError) {
            _ = try HostKernel(image: kernel, modules: modules)
        } catch {
            throw BuildError(.input, "\(error)", hint: "Check the kernel and its modules.")
        }
    }

    /// Each field that was given, for a checksum.
    var fields: [String] {
        if self == BootstrapOptions(resumes: resumes) { return [] }
        return ["bootstrap", ref ?? "", repository?.string ?? "", kernel?.string ?? ""]
            + [modules?.string ?? ""] + (root.map { [$0.rawValue] } ?? [])
    }
}
