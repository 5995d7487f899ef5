import OSTree
import SystemIO
import SystemPackage

/// What all disks of a run share.
package struct RunContext: Sendable {
    package let tools: Tools
    package let reporter: any RunReporter
    package let cancellation: Cancellation

    package init(tools: Tools, reporter: any RunReporter, cancellation: Cancellation) {
        self.tools = tools
        self.reporter = reporter
        self.cancellation = cancellation
    }
}

/// From requests to one published build: plans, disks, publication, retention.
///
/// As in gnome-continuous, all disks of a run lie in one build's folder and `current` is swapped once.
/// A disk that fails leaves the others alone: they are published, and the failed one stays as the
/// current build has it. Nothing is published when none could be made.
package struct Run {
    let context: RunContext

    package init(_ context: RunContext) { self.context = context }

    /// What becomes of one requested disk.
    enum Task: Sendable {
        case build(BuildPlan, Start)
        /// The current build has it already.
        case carry(DiskRecord)
        /// It cannot be begun; the commit if there is one.
        case fail(BuildError, Checksum?)
    }

    package func run(_ request: RunRequest) throws(BuildError) {
        let started = monotonicSeconds()
        let plans = request.disks.map { disk in
            Result { () throws(BuildError) in try BuildPlan(disk) }
        }
        // What makes no sense is told at once, and needs no output.
        guard let first = request.disks.first,
            plans.contains(where: { $0.failure?.kind != .usage })
        else {
            let failures = zip(request.disks, plans).compactMap { disk, plan in
                plan.failure.map { RunFailure(target: disk.target, error: $0) }
            }
            throw RunFailure.summary(failures, of: request.disks.count)
        }
        let output = try OutputFolder(first.output)
        // Of runs that were killed: this one may need no such folder.
        PrivateFolder.removeLeftovers()
        let publication = Publication(output: output, request: request, started: started)
        if let name = publication.names(of: plans).first(where: output.exists) {
            if output.current != name { try output.makeCurrent(name) }
            tellAlreadyCreated(name, request, publication)
            return
        }
        let tasks = zip(request.disks, plans).map { disk, plan -> Task in
            do throws(BuildError) {
                return try task(for: try plan.get(), publication)
            } catch {
                let commit = (try? plan.get())?.commit.checksum
                return .fail(Self.reported(error, disk, commit, nil, publication), commit)
            }
        }
        if let current = publication.current, tasks.allSatisfy(\.isCarried),
            Set(tasks.compactMap(\.file) + publication.keptFiles) == Set(current.disks.map(\.file))
        {
            tellAlreadyCreated(current.build, request, publication)
            return
        }
        if let name = publication.givenName, output.exists(name) {
            // Nothing is added to a published build, so that only what failed is left to be told.
            tellWhatIsKnown(of: tasks, request, publication)
            throw RunFailure.summary(
                Self.failures(tasks.map(\.outcome), of: request),
                of: request.disks.count
            )
        }
        try build(request, tasks, publication)
    }

    private func tellAlreadyCreated(
        _ build: String,
        _ request: RunRequest,
        _ publication: Publication
    ) {
        // Each disk is there, which is as good as made.
        for disk in request.disks {
            FailureReport.remove(disk.diskFileName, in: publication.output.path)
        }
        context.reporter.report(
            .alreadyCreated(build: build, disks: publication.disks(of: build))
        )
        publication.removeOldBuilds(context.reporter)
    }

    /// Of each disk that is not built, what becomes of it.
    private func tellWhatIsKnown(
        of tasks: [Task],
        _ request: RunRequest,
        _ publication: Publication
    ) {
        for (disk, task) in zip(request.disks, tasks) {
            let reporter = TargetReporter(target: disk.target, sink: context.reporter)
            switch task {
            case .carry(let record):
                FailureReport.remove(record.file, in: publication.output.path)
                reporter.report(.unchanged(commit: record.commit))
            case .fail(let error, let commit):
                reporter.report(.started(ref: disk.ref, commit: commit?.hex))
                reporter.report(.failed(error))
            case .build: break
            }
        }
    }

    private static func failures(
        _ outcomes: [Result<DiskRecord, BuildError>?],
        of request: RunRequest
    ) -> [RunFailure] {
        zip(request.disks, outcomes).compactMap { disk, outcome in
            outcome?.failure.map { RunFailure(target: disk.target, error: $0) }
        }
    }

    private func build(
        _ request: RunRequest,
        _ tasks: [Task],
        _ publication: Publication
    ) throws(BuildError) {
        let building = tasks.indices.filter { tasks[$0].isBuild }
        let resources = Resources(
            wanted: request.jobs,
            disks: building.count,
            memory: request.disks.map(\.memory).max() ?? BuildRequest.defaultMemory
        )
        context.reporter.report(
            .started(targets: request.disks.map(\.target), jobs: resources.jobs)
        )
        let work = try publication.output.makeWorkFolder(for: publication.workName)
        var published = false
        defer { if !published { removeTree(work) } }
        tellWhatIsKnown(of: tasks, request, publication)
        let made = try JobPool.run(pieces: building.count, threads: resources.jobs) {
            [context] piece in
            let index = building[piece]
            return Self.make(
                tasks[index],
                request.disks[index].target,
                context,
                resources.processors,
                publication,
                work
            )
        }
        // A run that is to end publishes nothing, whatever was finished.
        try context.cancellation.check()
        var outcomes = tasks.map(\.outcome)
        for (index, outcome) in zip(building, made) { outcomes[index] = outcome }
        let failures = Self.failures(outcomes, of: request)
        guard outcomes.contains(where: { $0?.isSuccess == true }) else {
            throw RunFailure.summary(failures, of: request.disks.count)
        }
        let name = try publication.publish(
            work,
            zip(request.disks, outcomes).map { ($0.diskFileName, try? $1?.get()) },
            failures,
            launcher: context.tools.launcher
        )
        published = true
        context.reporter.report(
            .published(
                build: name,
                disks: publication.disks(of: name),
                seconds: monotonicSeconds() - publication.started
            )
        )
        publication.removeOldBuilds(context.reporter)
        if !failures.isEmpty { throw RunFailure.summary(failures, of: request.disks.count) }
    }

    private static func make(
        _ task: Task,
        _ target: String,
        _ context: RunContext,
        _ processors: Int,
        _ publication: Publication,
        _ work: FilePath
    ) -> Result<DiskRecord, BuildError> {
        guard case .build(let plan, let start) = task else {
            return .failure(BuildError(.fault, "\(target): there is nothing to build"))
        }
        let reporter = TimelineRecorder(
            TargetReporter(target: target, sink: context.reporter),
            started: publication.started
        )
        reporter.report(.started(ref: plan.request.ref, commit: plan.commit.checksum.hex))
        if let note = start.note { reporter.report(.note(note)) }
        do throws(BuildError) {
            try context.cancellation.check()
            let record = try DiskBuild(
                plan: plan,
                previous: start.disk,
                context: context,
                reporter: reporter,
                processors: processors
            ).run(in: work)
            FailureReport.remove(plan.diskFileName, in: publication.output.path)
            return .success(record)
        } catch {
            let commit = plan.commit.checksum
            let told = reported(error, plan.request, commit, reporter, publication)
            reporter.report(.failed(told))
            return .failure(told)
        }
    }

    /// The error with its report. A wish to stop needs none, nor has a senseless request one: its disk's
    /// name may be no file's.
    /// - Parameter recorder: of what was done; nil for nothing.
    private static func reported(
        _ error: BuildError,
        _ request: BuildRequest,
        _ commit: Checksum?,
        _ recorder: TimelineRecorder?,
        _ publication: Publication
    ) -> BuildError {
        if error.isInterruption || error.kind == .usage { return error }
        var error = error
        let report = FailureReport(
            request: request,
            commit: commit,
            error: error,
            timeline: recorder?.timeline ?? Timeline(),
            phase: recorder?.phase,
            seconds: monotonicSeconds() - publication.started
        )
        error.report = report.write(in: publication.output.path)?.string
        return error
    }

    /// Whether a disk must be made, and from what.
    private func task(
        for plan: BuildPlan,
        _ publication: Publication
    ) throws(BuildError) -> Task {
        if let record = publication.current?.disk(named: plan.diskFileName),
            publication.holds(record)
        {
            let isSame =
                plan.request.update.from == .current
                ? record.commit == plan.commit.checksum.hex && record.plan == plan.contentDigest.hex
                : plan.identities.contains(record.identity) && plan.request.buildName == nil
            if isSame { return .carry(record) }
        }
        return .build(plan, try start(of: plan, publication))
    }
}

extension Run.Task {
    var isBuild: Bool { if case .build = self { true } else { false } }
    var isCarried: Bool { if case .carry = self { true } else { false } }
    var file: String? { if case .carry(let record) = self { record.file } else { nil } }

    /// What is known without building; nil where it must be built.
    var outcome: Result<DiskRecord, BuildError>? {
        switch self {
        case .build: nil
        case .carry(let record): .success(record)
        case .fail(let error, _): .failure(error)
        }
    }
}

extension Result {
    var isSuccess: Bool { if case .success = self { true } else { false } }
    var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}
