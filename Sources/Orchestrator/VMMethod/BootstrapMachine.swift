import OSTree
import SystemIO
package import SystemPackage

/// A bootstrap VM that is wanted for itself, without a build.
package struct BootstrapRequest: Sendable {
    package var repository: FilePath
    package var ref: String
    package var options: BootstrapOptions
    package var accelerator: AcceleratorChoice
    /// In MiB.
    package var memory: Int

    package init(
        repository: FilePath,
        ref: String,
        options: BootstrapOptions = BootstrapOptions(),
        accelerator: AcceleratorChoice = .auto,
        memory: Int
    ) {
        self.repository = repository
        self.ref = ref
        self.options = options
        self.accelerator = accelerator
        self.memory = memory
    }
}

/// What the host has ready for it.
struct BootstrapMachine {
    let request: BootstrapRequest
    let repository: Repository
    let commit: Commit
    let host: VMHost
    let tools: Tools
    let cancellation: Cancellation

    init(
        _ request: BootstrapRequest,
        tools: Tools,
        cancellation: Cancellation
    ) throws(BuildError) {
        self.request = request
        self.tools = tools
        self.cancellation = cancellation
        if let obstacle = request.options.obstacle { throw BuildError(.usage, obstacle) }
        do throws(OSTreeError) {
            repository = try Repository(path: request.repository)
            commit = try repository.commit(try repository.resolve(request.ref))
        } catch {
            throw BuildError(.input, "\(error)")
        }
        host = try VMHost(
            repository: repository,
            commit: commit,
            options: request.options,
            accelerator: request.accelerator,
            memory: request.memory,
            programs: [],
            agent: tools.agent,
            observer: nil
        )
    }

    /// Boots to the agent's hello.
    /// - Parameters:
    ///   - folder: for the sockets; different for each start.
    ///   - console: where the guest's console goes; nil keeps it for failure reports.
    func start(
        in folder: PrivateFolder,
        reporter: any BuildReporter,
        console: FilePath? = nil,
        stock: VMSession.StockBoot? = nil,
        resumes: Bool? = nil
    ) throws(BuildError) -> VMSession {
        var accelerators = host.accelerators
        let boot = try host.boot(&accelerators, in: folder, threads: processorCount())
        reporter.report(.note(boot.choice.description))
        return try VMSession.start(
            VMSession.Setup(
                host: host,
                accelerators: accelerators,
                boot: boot,
                disks: [],
                memory: request.memory,
                processors: processorCount(),
                folder: folder,
                tools: tools,
                cancellation: cancellation,
                reporter: reporter,
                console: console,
                stock: stock,
                resumes: resumes ?? request.options.resumes ?? true
            )
        )
    }
}
