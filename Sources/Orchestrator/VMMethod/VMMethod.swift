import Compose
import DiskImage
import OSTree
import Pack
import SystemIO
import SystemPackage

/// Makes a disk in the bootstrap VM.
struct VMMethod: DiskMethod {
    let plan: BuildPlan
    let tools: Tools
    let reporter: any BuildReporter
    let cancellation: Cancellation
    /// Of the VM, and threads that fill a pack.
    let processors: Int
    /// The disk to start from; nil makes a new one.
    let previous: PreviousDisk?
    /// A disk that stands alone is copied there; nil leaves the work file as it is.
    let copy: FilePath?

    /// What the host has made ready before the machine starts.
    private struct Preparation {
        var host: VMHost
        var progress: PullProgress
        var folder: PrivateFolder
        var accelerators: AcceleratorSelection
        var boot: VMHost.Boot
    }

    /// Makes the disk `file`. On an error the file is of no use.
    func run(_ file: FilePath, _ clock: PhaseClock) throws(BuildError) -> MethodResult {
        let ready = try clock.run(.prepare) { () throws(BuildError) in try prepare(file) }
        defer { ready.folder.remove() }
        let session = try clock.run(.boot) { () throws(BuildError) in
            try VMSession.start(
                VMSession.Setup(
                    host: ready.host,
                    accelerators: ready.accelerators,
                    boot: ready.boot,
                    disks: [
                        .init(
                            path: file,
                            format: previous == nil ? plan.request.format : .qcow2,
                            serial: VMInstallation.diskSerial
                        )
                    ],
                    memory: plan.request.memory,
                    processors: processors,
                    folder: ready.folder,
                    tools: tools,
                    cancellation: cancellation,
                    reporter: reporter,
                    resumes: plan.request.bootstrap.resumes ?? true
                )
            )
        }
        defer { session.stop() }
        session.guest.channel.handlers.step = { [reporter] in reporter.report(.guestStep($0)) }
        session.guest.channel.handlers.output = { [reporter] bytes in
            reporter.report(.guestOutput(String(decoding: bytes, as: UTF8.self)))
        }
        let installation = VMInstallation(guest: session.guest, plan: plan)
        let begun = try beginCopy()
        defer { begun?.stop() }
        var sum: Checksum?
        try blamingHost(ready.host, file, { session.machine.consoleTail }) {
            () throws(BuildError) in
            if previous == nil {
                try create(installation, session.root, ready, clock)
            } else {
                try update(installation, session.root, ready, clock)
            }
            try clock.run(.check) { () throws(BuildError) in
                try installation.seal()
                let conclusion = DiskConclusion(
                    file: file,
                    copy: copy,
                    begun: begun,
                    format: plan.request.format,
                    launcher: tools.launcher
                )
                sum = try conclusion.run { () throws(BuildError) in try installation.check() }
            }
        }
        return MethodResult(
            method: .vm,
            accelerator: session.machine.accelerator,
            kernelRelease: session.guest.kernelRelease,
            sha256: sum
        )
    }

    private func beginCopy() throws(BuildError) -> DiskCopy? {
        guard let previous, let copy else { return nil }
        return try DiskCopy(of: previous, to: copy)
    }

    private func create(
        _ installation: VMInstallation,
        _ root: BootstrapRoot,
        _ ready: Preparation,
        _ clock: PhaseClock
    ) throws(BuildError) {
        try clock.run(.format) { () throws(BuildError) in
            try VMInstallation.enter(installation.guest, root, isWarming: true)
            try installation.format()
        }
        try clock.run(.pull) { () throws(BuildError) in
            try installation.initialise()
            try pull(installation, ready)
        }
        try clock.run(.deploy) { () throws(BuildError) in
            try installation.deploy()
            try installation.addFiles(isNew: true) { reporter.report(.note($0)) }
        }
        if plan.layout.scheme.startsFromBIOS {
            try clock.run(.bootloader) { () throws(BuildError) in
                try installation.installExtlinux()
            }
        }
    }

    private func update(
        _ installation: VMInstallation,
        _ root: BootstrapRoot,
        _ ready: Preparation,
        _ clock: PhaseClock
    ) throws(BuildError) {
        let update = VMUpdate(installation: installation, plan: plan)
        try clock.run(.mount) { () throws(BuildError) in
            try VMInstallation.enter(installation.guest, root, isWarming: true)
            try update.mount()
        }
        try clock.run(.pull) { () throws(BuildError) in try pull(installation, ready) }
        try clock.run(.deploy) { () throws(BuildError) in
            try update.deploy()
            try installation.addFiles(isNew: false) { reporter.report(.note($0)) }
            try update.trim()
        }
    }

    private func pull(
        _ installation: VMInstallation,
        _ ready: Preparation
    ) throws(BuildError) {
        try ready.progress.during { () throws(BuildError) in try installation.pull() }
    }

    private func prepare(_ file: FilePath) throws(BuildError) -> Preparation {
        let objects: CommitObjects
        do throws(OSTreeError) {
            objects = try plan.repository.objects(of: plan.commit.checksum)
        } catch {
            throw BuildError(.input, "\(error)")
        }
        let progress = PullProgress(
            export: VMServices.repositoryIndex,
            totalObjects: objects.count,
            reporter: reporter
        )
        // Before the kernel is prepared: its threads read while we do, and while the VM boots.
        let pack = plan.request.pull == .pack ? try packService(progress) : nil
        var options = plan.request.bootstrap
        // The repository comes the same way as the root.
        if plan.request.pull == .ninep { options.root = .ninep }
        var host = try VMHost(
            repository: plan.repository,
            commit: plan.commit,
            options: options,
            accelerator: plan.request.accelerator,
            memory: plan.request.memory,
            programs: programs,
            agent: tools.agent,
            observer: progress
        )
        host.pack = pack
        if let previous {
            try DiskFile.createOverlay(
                file,
                on: relativePath(of: previous.file, from: file.removingLastComponent()),
                format: previous.format,
                launcher: tools.launcher
            )
        } else {
            try DiskFile.create(
                file,
                format: plan.request.format,
                size: plan.request.size,
                launcher: tools.launcher
            )
        }
        let folder = try PrivateFolder()
        do throws(BuildError) {
            var accelerators = host.accelerators
            let boot = try host.boot(&accelerators, in: folder, threads: processors)
            reporter.report(.note(boot.choice.description))
            return Preparation(
                host: host,
                progress: progress,
                folder: folder,
                accelerators: accelerators,
                boot: boot
            )
        } catch {
            folder.remove()
            throw error
        }
    }

    /// What the bootstrap tree has to hold.
    private var programs: [String] {
        previous == nil ? Self.programs(newDisk: plan.layout.scheme) : ["ostree", "e2fsck"]
    }

    static func programs(newDisk scheme: DiskLayout.Scheme) -> [String] {
        ["ostree", "mke2fs", "e2fsck"] + (scheme.startsFromBIOS ? ["extlinux"] : [])
    }

    private func packService(_ progress: PullProgress) throws(BuildError) -> PackService {
        do throws(Errno) {
            let source = try PackSource(
                repository: plan.repository,
                commit: plan.commit.checksum
            )
            return PackService(source, workers: processors) { progress.update($0) }
        } catch {
            throw BuildError(.host, "cannot start a thread: \(error)")
        }
    }

    /// What the guest cannot read or write it reports in its own words, from an errno to libostree's. Where
    /// the reason is that the host has no room for the disk, or is the host's repository, say so: the file,
    /// the object, and what to do.
    /// - Parameters:
    ///   - file: the disk's.
    ///   - console: the guest's last lines.
    private func blamingHost(
        _ host: VMHost,
        _ file: FilePath,
        _ console: () -> [String],
        _ body: () throws(BuildError) -> Void
    ) throws(BuildError) {
        do throws(BuildError) {
            try body()
        } catch {
            var told = error
            told.console = console()
            if error.kind == .guest {
                told = told.blamingSpace(of: file)
                if told.kind == .space { throw told }
            }
            if let cause = host.pack?.failure {
                told.kind = .input
                told.message = "\(cause)"
                told.details = []
                told.hint = nil
                throw told
            }
            guard error.kind == .guest else { throw told }
            if let cause = host.readFailure {
                told.kind = .input
                told.message = "\(cause)"
                told.hint = nil
                throw told
            }
            do throws(OSTreeError) {
                try plan.repository.verify(plan.commit.checksum)
            } catch let cause {
                told.kind = .input
                told.message = "\(cause)"
                told.hint = nil
            }
            throw told
        }
    }
}
