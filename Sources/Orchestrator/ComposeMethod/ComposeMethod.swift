import Compose
import DiskImage
import Synchronization
import SystemIO
import SystemPackage

/// Makes a disk without a VM: every byte is written by this process.
struct ComposeMethod: DiskMethod {
    let plan: BuildPlan
    let reporter: any BuildReporter
    let cancellation: Cancellation
    /// Threads.
    let processors: Int

    /// The commit needs libostree itself for something; the VM method can do it.
    struct NeedsVM: Error {
        let reason: String
    }

    /// The commit, found to be one that can be composed.
    struct Prepared {
        let composer: Composer
        /// When that began, as `monotonicSeconds` counts.
        let began: Double
    }

    func run(_ file: FilePath, _ clock: PhaseClock) throws(BuildError) -> MethodResult {
        switch try prepare() {
        case .success(let prepared): return try write(prepared, to: file, clock)
        case .failure(let need):
            throw BuildError(
                .input,
                need.reason,
                hint: "Use --method vm, or --method auto, which chooses."
            )
        }
    }

    /// Reads the commit, or says why only the VM method can make its disk. Nothing is written, and no
    /// phase begins.
    func prepare() throws(BuildError) -> Result<Prepared, NeedsVM> {
        let began = monotonicSeconds()
        let plan = ComposePlan(
            repository: plan.repository,
            commit: plan.commit,
            ref: plan.request.ref,
            osname: plan.request.osname,
            kernelArguments: plan.kernelArguments,
            layout: plan.layout,
            format: plan.request.format == .qcow2 ? .qcow2 : .raw,
            fstab: plan.fstab,
            additions: plan.request.additions,
            programs: plan.bootBinaries.programs,
            created: try plan.creationTime()
        )
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let scratch = folder.path
        let composer = try work { () throws(ComposeError) in
            try Composer(plan: plan, scratch: scratch)
        }
        switch composer {
        case .success(let composer): return .success(Prepared(composer: composer, began: began))
        case .failure(.needsVM(let reason)): return .failure(NeedsVM(reason: reason))
        case .failure(let error): throw Self.error(error)
        }
    }

    func write(
        _ prepared: Prepared,
        to file: FilePath,
        _ clock: PhaseClock
    ) throws(BuildError) -> MethodResult {
        let latest = Mutex(0.0)
        let progress: @Sendable (ComposeProgress) -> Void = { [reporter] progress in
            let due = latest.withLock { last in
                let now = monotonicSeconds()
                guard now - last > 0.1 else { return false }
                last = now
                return true
            }
            guard due else { return }
            reporter.report(
                .progress(
                    .compose,
                    PhaseProgress(
                        objects: progress.objects,
                        totalObjects: progress.totalObjects,
                        bytes: progress.bytes,
                        totalBytes: progress.totalBytes
                    )
                )
            )
        }
        let composer = prepared.composer
        let figures = try clock.run(.compose, since: prepared.began) {
            () throws(BuildError) -> ComposeFigures in
            let result = try work { [processors] () throws(ComposeError) in
                try composer.compose(to: file, threads: processors, progress: progress)
            }
            switch result {
            case .success(let figures): return figures
            case .failure(let error): throw Self.error(error)
            }
        }
        return MethodResult(
            method: .compose,
            accelerator: nil,
            kernelRelease: nil,
            sha256: figures.sha256
        )
    }

    /// Runs `body` on a thread of its own, while this one waits for the user's wish to stop.
    private func work<Value: Sendable>(
        _ body: @escaping @Sendable () throws(ComposeError) -> Value
    ) throws(BuildError) -> Result<Value, ComposeError> {
        let finished = Latch<Result<Value, ComposeError>>()
        try startWorker("compose") { finished.set(Result(catching: body)) }
        while true {
            try cancellation.check()
            if let result = finished.wait(milliseconds: 50) { return result }
        }
    }

    static func error(_ error: ComposeError) -> BuildError {
        switch error {
        case .output(let path, let errno): .system(errno, "cannot write", path)
        case .layout(.outOfSpace(_, _), _):
            BuildError(.space, "\(error)", hint: "Choose a larger --size.")
        case .missingBootProgram: BuildError(.host, "\(error)")
        case .repository, .unsuitableTree, .needsVM, .layout, .tree, .bootloader, .systemPartition:
            BuildError(.input, "\(error)")
        case .table: BuildError(.usage, "\(error)")
        }
    }
}
