import OSTree
import SystemIO
import SystemPackage

/// From a request to a published disk: plan, machine, steps, checks, publication. One build at a
/// time; nothing is published unless everything worked.
package struct Builder {
    let tools: Tools
    let reporter: any BuildReporter
    let cancellation: Cancellation

    package init(tools: Tools, reporter: any BuildReporter, cancellation: Cancellation) {
        self.tools = tools
        self.reporter = reporter
        self.cancellation = cancellation
    }

    package func build(_ request: BuildRequest) throws(BuildError) {
        let clock = PhaseClock(reporter)
        let plan = try BuildPlan(request)
        let output = try OutputFolder(request.output)
        let disk = output.folder(of: plan.name).appending(plan.diskFileName)
        if output.exists(plan.name) {
            if output.current != plan.name { try output.makeCurrent(plan.name) }
            reporter.report(.alreadyCreated(build: plan.name, disk: disk.string))
            return
        }
        let previous = try previousDisk(for: plan, in: output)
        if case .current = request.update.from, let previous, let record = previous.record,
            record.commit == plan.commit.checksum.hex, record.plan == plan.contentDigest.hex
        {
            let build = output.current ?? ""
            reporter.report(.alreadyCreated(build: build, disk: previous.file.string))
            return
        }
        reporter.report(
            .started(build: plan.name, target: request.target, commit: plan.commit.checksum.hex)
        )
        let work = try output.makeWorkFolder(for: plan.name)
        var published = false
        defer { if !published { removeTree(work) } }
        let file = work.appending(plan.diskFileName)
        let result: MethodResult
        if let previous {
            result = try update(previous, plan, file, clock)
        } else {
            result = try method(for: plan).run(file, clock)
        }
        try clock.run(.check) { () throws(BuildError) in
            try DiskFile.check(file, format: request.format, launcher: tools.launcher)
        }
        let summary = try clock.run(.publish) { () throws(BuildError) -> BuildSummary in
            try cancellation.check()
            let sha256 = try DiskFile.sha256(file)
            let status = try DiskFile.status(file)
            let summary = BuildSummary(
                build: plan.name,
                disk: disk.string,
                phases: clock.phases,
                totalSeconds: clock.totalSeconds,
                allocatedBytes: status.allocated,
                virtualBytes: request.size
            )
            let record = BuildRecord(
                plan: plan,
                summary: summary,
                result: result,
                previous: previous,
                sha256: sha256.hex
            )
            try record.write(to: work)
            try output.publish(work, as: plan.name)
            published = true
            return summary
        }
        var final = summary
        final.phases = clock.phases
        final.totalSeconds = clock.totalSeconds
        reporter.report(.finished(final))
    }

    /// The disk that the plan starts from; nil for a new one.
    private func previousDisk(
        for plan: BuildPlan,
        in output: OutputFolder
    ) throws(BuildError) -> PreviousDisk? {
        let options = plan.request.update
        let found: PreviousDisk?
        let description: String
        switch options.from {
        case .none: return nil
        case .current:
            found = PreviousDisk(currentOf: output, named: plan.diskFileName)
            description = "\(output.path)/current/\(plan.diskFileName)"
        case .disk(let path):
            found = PreviousDisk(path)
            description = path.string
        }
        let obstacle = found.map { $0.obstacle(to: plan) } ?? "there is no such disk"
        guard let obstacle else { return found }
        let message = "\(description) cannot be updated: \(obstacle)"
        guard options.elseFresh else {
            throw BuildError(
                .input,
                message,
                hint: "Ask for what that disk has, or add --else-fresh to build from scratch then."
            )
        }
        reporter.report(.note("\(message); building from scratch."))
        return nil
    }

    /// Works on an overlay, so that the previous disk is never written; then makes a disk that stands
    /// alone, unless a thin one is wanted.
    private func update(
        _ previous: PreviousDisk,
        _ plan: BuildPlan,
        _ file: FilePath,
        _ clock: PhaseClock
    ) throws(BuildError) -> MethodResult {
        let overlay =
            plan.request.update.publishesOverlay
            ? file : file.removingLastComponent().appending("overlay.qcow2")
        let method = VMMethod(
            plan: plan,
            tools: tools,
            reporter: reporter,
            cancellation: cancellation,
            previous: previous
        )
        let result = try method.run(overlay, clock)
        if overlay != file {
            try clock.run(.publish) { () throws(BuildError) in
                try DiskFile.flatten(
                    overlay,
                    to: file,
                    format: plan.request.format,
                    launcher: tools.launcher
                )
                try? removeFile(overlay)
            }
        }
        return result
    }

    private func method(for plan: BuildPlan) -> any DiskMethod {
        let vm = VMMethod(
            plan: plan,
            tools: tools,
            reporter: reporter,
            cancellation: cancellation,
            previous: nil
        )
        let compose = ComposeMethod(plan: plan, reporter: reporter, cancellation: cancellation)
        return switch plan.request.method {
        case .auto: AutomaticMethod(compose: compose, vm: vm, reporter: reporter)
        case .vm: vm
        case .compose: compose
        }
    }
}
