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

    func run(_ file: FilePath, _ clock: PhaseClock) throws(BuildError) -> MethodResult {
        switch try attempt(file, clock) {
        case .success(let result): return result
        case .failure(let need):
            throw BuildError(
                .input,
                need.reason,
                hint: "Use --method vm, or --method auto, which chooses."
            )
        }
    }

    /// Composes, or says why only the VM method can.
    func attempt(
        _ file: FilePath,
        _ clock: PhaseClock
    ) throws(BuildError) -> Result<MethodResult, NeedsVM> {
        let composer = Composer(
            plan: ComposePlan(
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
        )
        let outcome = try clock.run(.compose) {
            () throws(BuildError) -> Result<ComposeFigures, NeedsVM> in
            switch try compose(composer, file) {
            case .success(let figures): return .success(figures)
            case .failure(.needsVM(let reason)): return .failure(NeedsVM(reason: reason))
            case .failure(let error): throw Self.error(error)
            }
        }
        return outcome.map { figures in
            MethodResult(
                method: .compose,
                accelerator: nil,
                kernelRelease: nil,
                sha256: figures.sha256
            )
        }
    }

    /// The composer works on threads of its own while this one waits for the user's wish to stop.
    private func compose(
        _ composer: Composer,
        _ file: FilePath
    ) throws(BuildError) -> Result<ComposeFigures, ComposeError> {
        let latest = Mutex(0.0)
        let finished = Latch<Result<ComposeFigures, ComposeError>>()
        try startWorker("compose") { [reporter, processors] in
            let result = Result { () throws(ComposeError) in
                try composer.compose(to: file, threads: processors) { progress in
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
            }
            finished.set(result)
        }
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
