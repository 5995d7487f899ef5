import Bootstrap
import OSTree
import SystemIO
import SystemPackage

/// The tree that a bootstrap VM has for its root: the commit's own, unless the user names another.
struct BootstrapTree {
    let repository: Repository
    let commit: Commit
    /// For people.
    let title: String

    init(
        _ options: BootstrapOptions,
        repository: Repository,
        commit: Commit
    ) throws(BuildError) {
        guard let ref = options.ref else {
            (self.repository, self.commit, title) = (repository, commit, "the commit itself")
            return
        }
        do throws(OSTreeError) {
            let other = try options.repository.map { path throws(OSTreeError) in
                try Repository(path: path)
            }
            self.repository = other ?? repository
            self.commit = try self.repository.commit(try self.repository.resolve(ref))
        } catch {
            throw BuildError(.input, "the bootstrap tree: \(error)")
        }
        title = "\(ref) (\(self.commit.checksum.hex.prefix(12))), as asked"
    }
}

/// What the bootstrap VM of a commit is made of, and why: the commit itself, unless the user says
/// otherwise or its kernel lacks something.
struct BootstrapChoice {
    let image: BootstrapImage
    let root: BootstrapRoot
    /// One line for the user.
    let description: String

    /// - Parameters:
    ///   - accelerator: what is going to run it.
    ///   - commit: what the disk is to hold, in `repository`.
    ///   - programs: what the tree has to hold.
    ///   - agent: the guest agent's static executable.
    ///   - scratch: a folder of this run, where a cache is made if the user's own cannot be used.
    init(
        _ options: BootstrapOptions,
        accelerator: Accelerator,
        tree: BootstrapTree,
        commit: Commit,
        repository: Repository,
        programs: [String],
        agent: FilePath,
        scratch: FilePath
    ) throws(BuildError) {
        let program = accelerator == .uml ? try UMLInstallation.find().kernel : nil
        func prepare(_ cache: BootstrapCache?) throws(BootstrapError) -> (Machine, String) {
            guard let program else {
                return try Self.machine(options, tree.commit, tree.repository, agent, cache)
            }
            // What the disk is to boot; this machine does without.
            _ = try KernelFinder.find(in: commit, of: repository)
            let machine = try Machine(userMode: program, agent: agent, cache: cache)
            return (machine, "User-mode Linux \(program.version) of this host")
        }
        let machine: Machine
        let kernel: String
        var remark = ""
        do throws(BootstrapError) {
            do throws(BootstrapError) {
                (machine, kernel) = try prepare(nil)
            } catch {
                guard error.isOfTheCache else { throw error }
                (machine, kernel) = try prepare(
                    BootstrapCache(folder: scratch.appending("cache"))
                )
                remark = " Nothing of it is kept: \(error)."
            }
        } catch {
            throw BuildError(
                error.isLackOfSpace ? .space : error.isOfTheHost ? .host : .input,
                "\(error)"
            )
        }
        (image, root) = (machine.image, machine.root)
        // After the kernel: a tree without one lacks more than programs, and that is to be said.
        try Self.check(programs, in: tree.commit, of: tree.repository)
        description = "Bootstrap VM: \(tree.title), \(machine.why); \(kernel).\(remark)"
    }

    /// Those of `programs` that a commit lacks.
    static func missing(
        _ programs: [String],
        in commit: Commit,
        of repository: Repository
    ) throws(OSTreeError) -> [String] {
        var missing: [String] = []
        for program in programs {
            var isThere = false
            for folder in ["usr/sbin", "usr/bin", "sbin", "bin"] where !isThere {
                isThere = try repository.entry(at: "\(folder)/\(program)", in: commit) != nil
            }
            if !isThere { missing.append(program) }
        }
        return missing
    }

    private static func check(
        _ programs: [String],
        in commit: Commit,
        of repository: Repository
    ) throws(BuildError) {
        let missing: [String]
        do throws(OSTreeError) {
            missing = try Self.missing(programs, in: commit, of: repository)
        } catch {
            throw BuildError(.input, "\(error)")
        }
        if missing.isEmpty { return }
        throw BuildError(
            .input,
            "commit \(commit.checksum.hex.prefix(12)) lacks \(missing.joined(separator: ", ")), "
                + "which a build in the VM runs",
            hint: "Name a tree that has them: --bootstrap-ref (and --bootstrap-repo)."
        )
    }

    /// A kernel made ready, and what root it is going to have.
    struct Machine {
        let image: BootstrapImage
        let root: BootstrapRoot
        /// The root and its reason, for people.
        let why: String

        /// One whose kernel is a program.
        init(
            userMode program: HostKernel,
            agent: FilePath,
            cache: BootstrapCache?
        ) throws(BootstrapError) {
            image = try BootstrapImage.prepare(
                program,
                agent: agent,
                modules: WantedModule.userMode,
                cache: cache
            )
            (root, why) = (.view, "live over 9P")
        }

        init(
            _ kernel: any BootKernel,
            _ choice: BootstrapOptions.RootChoice,
            agent: FilePath,
            cache: BootstrapCache? = nil
        ) throws(BootstrapError) {
            func prepare(_ modules: [WantedModule]) throws(BootstrapError) -> BootstrapImage {
                try BootstrapImage.prepare(kernel, agent: agent, modules: modules, cache: cache)
            }
            if choice == .image {
                image = try prepare(WantedModule.withoutNineP)
                (root, why) = (.image, "as an image on a disk, as asked")
                return
            }
            do throws(BootstrapError) {
                image = try prepare(WantedModule.standard)
                (root, why) = (.view, "live over 9P" + (choice == .auto ? "" : ", as asked"))
            } catch {
                guard choice == .auto, case .moduleMissing(WantedModule.nineP, _, _) = error else {
                    throw error
                }
                image = try prepare(WantedModule.withoutNineP)
                (root, why) = (.image, "as an image on a disk, since the kernel has no 9P")
            }
        }
    }

    /// The kernel made ready, and what to say about it.
    private static func machine(
        _ options: BootstrapOptions,
        _ commit: Commit,
        _ repository: Repository,
        _ agent: FilePath,
        _ cache: BootstrapCache?
    ) throws(BootstrapError) -> (Machine, String) {
        let root = options.root ?? .auto
        if let path = options.kernel {
            let kernel = try HostKernel(image: path, modules: options.modules)
            let machine = try Machine(kernel, root, agent: agent, cache: cache)
            return (machine, "Linux \(kernel.version) from \(path), as asked")
        }
        do throws(BootstrapError) {
            let kernel = try KernelFinder.find(in: commit, of: repository)
            let machine = try Machine(kernel, root, agent: agent, cache: cache)
            return (machine, "its own kernel, Linux \(kernel.version)")
        } catch {
            guard case .moduleMissing(let name, let kernel, let reason) = error else {
                throw error
            }
            for candidate in HostKernel.installed() {
                do throws(BootstrapError) {
                    let machine = try Machine(candidate, root, agent: agent, cache: cache)
                    let why = "since \(kernel) has no \(name) (\(reason))"
                    return (machine, "Linux \(candidate.version) of this host, \(why)")
                } catch {
                    // No other kernel helps there, but another cache does.
                    if error.isOfTheCache { throw error }
                }
            }
            throw error
        }
    }
}
