import Compose
import DiskImage
import OSTree
import SystemIO
import SystemPackage

/// From a plan to one finished disk in a work folder: machine, steps, checks, checksum.
struct DiskBuild: Sendable {
    let plan: BuildPlan
    /// The disk to start from; nil makes a new one.
    let previous: PreviousDisk?
    let context: RunContext
    let reporter: TimelineRecorder
    /// Processors of the VM, and threads of the work on the host.
    let processors: Int

    /// Makes the disk in `work` under its own name; on an error nothing of it is left there.
    func run(in work: FilePath) throws(BuildError) -> DiskRecord {
        let clock = PhaseClock(reporter)
        // Needed at the end; without it all that comes before would be in vain.
        if plan.request.format == .qcow2 { try DiskFile.requireProgram() }
        let file = work.appending(plan.diskFileName)
        let overlay = work.appending("overlay-" + plan.diskFileName)
        var finished = false
        defer {
            try? removeFile(overlay)
            if !finished { try? removeFile(file) }
        }
        let result =
            if let previous {
                try update(previous, file, overlay, clock)
            } else {
                try method.run(file, clock)
            }
        try clock.run(.check) { () throws(BuildError) in
            do throws(BuildError) {
                try DiskFile.check(
                    file,
                    format: plan.request.format,
                    launcher: context.tools.launcher
                )
            } catch {
                // A machine writes the last of a qcow2 at its end, when nobody hears that it failed.
                throw error.blamingSpace(of: file)
            }
        }
        let (sha256, allocated) = try clock.run(.publish) { () throws(BuildError) in
            try context.cancellation.check()
            let sum = if let known = result.sha256 { known } else { try DiskFile.sha256(file) }
            return (sum, try DiskFile.status(file).allocated)
        }
        let record = DiskRecord(
            plan: plan,
            result: result,
            previous: previous,
            sha256: sha256.hex,
            allocatedBytes: allocated,
            phases: clock.phases,
            totalSeconds: clock.totalSeconds,
            timeline: reporter.timeline
        )
        reporter.report(.finished(DiskSummary(record)))
        finished = true
        return record
    }

    /// Works on an overlay, so that the previous disk is never written; then makes a disk that stands
    /// alone, unless a thin one is wanted.
    private func update(
        _ previous: PreviousDisk,
        _ file: FilePath,
        _ overlay: FilePath,
        _ clock: PhaseClock
    ) throws(BuildError) -> MethodResult {
        if plan.request.update.publishesOverlay { return try vm(previous).run(file, clock) }
        return try vm(previous, copy: file).run(overlay, clock)
    }

    private func vm(_ previous: PreviousDisk?, copy: FilePath? = nil) -> VMMethod {
        VMMethod(
            plan: plan,
            tools: context.tools,
            reporter: reporter,
            cancellation: context.cancellation,
            processors: processors,
            previous: previous,
            copy: copy
        )
    }

    private var method: any DiskMethod {
        let compose = ComposeMethod(
            plan: plan,
            reporter: reporter,
            cancellation: context.cancellation,
            processors: processors
        )
        return switch plan.request.method {
        case .auto: AutomaticMethod(compose: compose, vm: vm(nil), reporter: reporter)
        case .vm: vm(nil)
        case .compose: compose
        }
    }
}

extension DiskRecord {
    init(
        plan: BuildPlan,
        result: MethodResult,
        previous: PreviousDisk?,
        sha256: String,
        allocatedBytes: UInt64,
        phases: [(phase: Phase, seconds: Double)],
        totalSeconds: Double,
        timeline: Timeline
    ) {
        let request = plan.request
        var seconds = ["total": totalSeconds]
        for (phase, value) in phases { seconds[phase.rawValue] = value }
        self.init(
            file: plan.diskFileName,
            target: request.target,
            osname: request.osname,
            ref: request.ref,
            commit: plan.commit.checksum.hex,
            commitTime: Int(clamping: plan.commit.timestamp),
            version: plan.commit.version,
            plan: plan.contentDigest.hex,
            identity: (result.method == .vm ? plan.identityInVM : plan.identity).hex,
            updatedFrom: previous?.file.string,
            method: result.method.rawValue,
            layout: request.layout.rawValue,
            kernelArguments: plan.kernelArguments,
            format: request.format.rawValue,
            sha256: sha256,
            virtualBytes: request.size,
            allocatedBytes: allocatedBytes,
            seconds: seconds,
            accelerator: result.accelerator?.rawValue,
            guestKernel: result.kernelRelease,
            libostree: LibostreeVersion.text(of: plan.commit, in: plan.repository),
            bootBinaries: Dictionary(
                uniqueKeysWithValues: plan.bootBinaries.all.map { ($0.name, BootBinary($0)) }
            ),
            timeline: timeline,
            carriedFrom: nil
        )
    }
}
