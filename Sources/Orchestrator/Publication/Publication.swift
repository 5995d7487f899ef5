import CLinux
import SystemIO
import SystemPackage

/// From the disks of a run to a published build: what it takes over, its name, its record.
struct Publication {
    let output: OutputFolder
    let request: RunRequest
    /// Monotonic seconds.
    let started: Double
    /// The record of the build that `current` names.
    let current: BuildRecord?

    init(output: OutputFolder, request: RunRequest, started: Double) {
        self.output = output
        self.request = request
        self.started = started
        current = output.current.flatMap { BuildRecord(in: output.folder(of: $0)) }
    }

    /// The name is certain only when it is known what succeeded.
    var workName: String { "\(getpid())" }

    /// Whether the current build still has a disk of its record.
    func holds(_ record: DiskRecord) -> Bool { fileExists(path(of: record)) }

    private func path(of record: DiskRecord) -> FilePath { currentPath(of: record.file) }

    /// Where the current build has a disk, if it does.
    func currentPath(of file: String) -> FilePath {
        output.path.appending("current").appending(file)
    }

    /// The disks of the current build that are there.
    var currentFiles: [String] { (current?.disks ?? []).filter(holds).map(\.file) }

    /// Disks that are taken over although nobody asked for them in this run.
    private var kept: [DiskRecord] {
        request.kept.compactMap { current?.disk(named: $0) }.filter(holds)
    }

    var keptFiles: [String] { kept.map(\.file) }

    /// The name that the user gave the build, whatever it holds.
    var givenName: String? { request.disks.first?.buildName }

    /// The names that a build of these disks and those that it takes over may have: all composed, or all
    /// made in the VM where `auto` decides. (Of some and some, each disk is recognised by itself.) None
    /// where a disk has no plan: a build with the user's name is no answer to a request that cannot be met.
    func names(of results: [Result<BuildPlan, BuildError>]) -> [String] {
        let plans = results.compactMap { try? $0.get() }
        guard plans.count == results.count else { return [] }
        if let givenName { return [givenName] }
        let kept = kept.map { BuildRecord.Member($0) }
        return [\BuildPlan.identity, \BuildPlan.identityInVM].map { identity in
            BuildRecord.name(
                of: plans.map { BuildRecord.Member($0, identity: $0[keyPath: identity]) } + kept
            )
        }
    }

    /// Paths of a build's disks.
    func disks(of build: String) -> [String] {
        (BuildRecord(in: output.folder(of: build))?.disks ?? []).map {
            output.folder(of: build).appending($0.file).string
        }
    }

    /// Completes the work folder with what the current build has, writes the record, and publishes.
    /// - Parameter disks: by file name; nil where a disk could not be made.
    /// - Returns: the build's name.
    func publish(
        _ work: FilePath,
        _ disks: [(file: String, record: DiskRecord?)],
        _ failures: [RunFailure],
        launcher: FilePath
    ) throws(BuildError) -> String {
        // What failed stays as it was.
        let before = disks.filter { $0.record == nil }.compactMap { current?.disk(named: $0.file) }
        var records = disks.compactMap(\.record)
        for record in before + kept where holds(record) { records.append(record) }
        for index in records.indices where !fileExists(work.appending(records[index].file)) {
            records[index] = try takeOver(records[index], into: work)
        }
        records.sort { $0.file < $1.file }
        let name =
            givenName
            ?? BuildRecord.name(of: records.map { BuildRecord.Member($0) })
        let record = BuildRecord(
            build: name,
            published: wallClock().seconds,
            seconds: monotonicSeconds() - started,
            disks: records,
            failed: failures.map {
                BuildRecord.Failure(
                    target: $0.target,
                    exitCode: Int($0.error.exitCode),
                    message: $0.error.message
                )
            },
            versions: BuildRecord.Versions(launcher: launcher)
        )
        try record.write(to: work)
        try TimelinePage(record: record, previous: current).write(to: work)
        if output.exists(name) {
            // The same disks are published already; only some other was asked for and failed.
            removeTree(work)
            try output.makeCurrent(name)
        } else {
            try output.publish(work, as: name)
        }
        return name
    }

    /// Published disks are never written, so a second name for the same file will do.
    private func takeOver(_ record: DiskRecord, into work: FilePath) throws(BuildError)
        -> DiskRecord
    {
        do throws(Errno) {
            try linkFile(path(of: record), as: work.appending(record.file))
        } catch {
            throw .system(error, "cannot take over the disk", path(of: record))
        }
        var record = record
        record.carriedFrom = record.carriedFrom ?? current?.build
        return record
    }

    func removeOldBuilds(_ reporter: any RunReporter) {
        guard let keep = request.keptBuilds else { return }
        let removed = Retention(output: output, keep: keep).apply()
        if !removed.isEmpty { reporter.report(.removed(builds: removed)) }
    }
}

extension BuildRecord.Versions {
    init(launcher: FilePath) {
        builddisks = BuilddisksVersion.text
        kernel = kernelRelease()
        qemu = findProgram("qemu-img").flatMap { program in
            let output = try? CommandOutput(launcher: launcher, program, ["--version"])
            // "qemu-img version 7.2.22 (Debian ...)"
            return output?.lines.first?.split(separator: " ").dropFirst(2).first.map(String.init)
        }
    }
}
