import Bootstrap
import CLinux
import GuestProtocol
import SystemIO
import SystemPackage

/// An emulated kernel boots for one to two seconds, and the same way each time: so it is saved once, at its
/// agent's hello, and resumed in a fifth of that from then on (docs/boot.md). Either way the machine gets its
/// disks and its virtio socket after that.
extension VMStart {
    /// nil where the machine is to be booted and no more.
    func savedSession() throws(BuildError) -> VMSession? {
        guard accelerator == .tcg, setup.resumes, setup.stock == nil,
            disks.count < QEMUCommand.hotplugPorts,
            // Without one nothing can be kept, and the line about the VM says why.
            let cache = try? BootstrapCache.standard()
        else { return nil }
        let began = monotonicSeconds()
        let folder = try folder("saving")
        let saving = try saving(in: folder)
        var model = configuration(in: folder)
        model.saving = saving
        let key = MachineSnapshot.key(model, accelerator)
        let entry = cache.find(key)
        if let entry, isUnusable(entry) { return nil }
        let snapshot = entry.flatMap { MachineSnapshot($0, memory: setup.memory) }
        // Room for a new one.
        if snapshot == nil { cache.remove(key) }
        var isBooting = false
        var kept: Latch<Void>?
        do throws(BuildError) {
            return try running(in: folder) { (given, endpoint) throws(BuildError) in
                var machine = given
                machine.saving = saving
                if let snapshot {
                    var beginning = try resume(snapshot, machine, endpoint)
                    // The machine began with reading its memory.
                    beginning.times.total = monotonicSeconds() - began
                    return beginning
                }
                return try start(machine, endpoint) { (started, monitor) throws(BuildError) in
                    isBooting = true
                    let (hello, welcome) = try awaitHello(started)
                    isBooting = false
                    kept = try save(started, monitor, hello, saving.memory, as: key, in: cache)
                    try monitor.run(with: QEMUCommand.hotplugDevices(machine))
                    try started.channel.answer(welcome)
                    try renew(started.channel, disks: machine.disks.map(\.serial))
                    return Beginning(started, hello, isBooted: true, kept: kept)
                }
            }
        } catch {
            kept?.wait()
            // A kernel that does not come to a hello would not do it another time either.
            guard !isBooting, !error.isInterruption else { throw error }
            let reason = ([error.message] + error.details.prefix(1)).joined(separator: "; ")
            note("The VM's snapshot is of no use (\(reason)): it boots anew.")
            cache.remove(key)
            _ = try? cache.add(key, facts: [Self.unusable: reason]) { _ in }
            return nil
        }
    }

    /// Of a cache entry that only says why there is none. What failed is not tried again for a day: it may be
    /// that this QEMU or kernel can never do it, or that the host was too busy.
    private static let unusable = "unusable"

    private func isUnusable(_ entry: CacheEntry) -> Bool {
        guard entry.facts[Self.unusable] != nil,
            let made = try? FileStatus(descriptor: entry.file.rawValue).modified
        else { return false }
        return wallClock().seconds - made < 24 * 3600
    }

    private func note(_ text: String) { setup.reporter.report(.note(text)) }

    private func saving(
        in folder: FilePath
    ) throws(BuildError) -> MachineConfiguration.Saving {
        MachineConfiguration.Saving(
            memory: try Self.ofTheHost("no memory for the guest") { () throws(Errno) in
                try makeMemoryFile("guest", size: UInt64(setup.memory) << 20)
            },
            monitorSocket: folder.appending("monitor"),
            isResumed: false
        )
    }

    /// Saves a machine, which stands still from then on. It is put into the cache beside what comes next.
    /// - Returns: set when it is there.
    private func save(
        _ started: Started,
        _ monitor: QEMUMonitor,
        _ hello: Hello,
        _ memory: SharedFD,
        as key: String,
        in cache: BootstrapCache
    ) throws(BuildError) -> Latch<Void> {
        let state = try Self.ofTheHost("no memory for the VM's state") { () throws(Errno) in
            try makeMemoryFile("state")
        }
        try monitor.save(to: state)
        let copy = try Self.ofTheHost("cannot copy the guest's memory") { () throws(Errno) in
            try MachineSnapshot.copy(of: memory)
        }
        let frame: [UInt8]
        do throws(FrameError) {
            frame = try GuestMessage.hello(hello).frame()
        } catch {
            throw BuildError(.fault, "\(error)")
        }
        let kept = Latch<Void>()
        let reporter = setup.reporter
        try startWorker("snapshot") {
            var text = "The VM's boot is kept as a snapshot: later starts resume it."
            do throws(BuildError) {
                try MachineSnapshot.store(key, in: cache, state: state, hello: frame, memory: copy)
            } catch {
                text =
                    "The VM's snapshot cannot be kept (\(error.message)): later starts boot anew."
            }
            reporter.report(.note(text))
            kept.set(())
        }
        return kept
    }

    private func resume(
        _ snapshot: MachineSnapshot,
        _ given: MachineConfiguration,
        _ endpoint: any ControlEndpoint
    ) throws(BuildError) -> Beginning {
        var machine = given
        machine.saving?.memory = try Self.ofTheHost("cannot read it") { () throws(Errno) in
            try snapshot.memory()
        }
        machine.saving?.isResumed = true
        let state = try Self.ofTheHost("cannot read it") { () throws(Errno) in try snapshot.state()
        }
        return try start(machine, endpoint) { (started, monitor) throws(BuildError) in
            try monitor.load(from: state)
            try monitor.run(with: QEMUCommand.hotplugDevices(machine))
            let hello = try started.channel.handshake(with: snapshot.hello)
            try renew(started.channel, disks: machine.disks.map(\.serial))
            note("The VM is resumed from a snapshot of its boot.")
            return Beginning(started, hello, isBooted: false)
        }
    }

    /// Starts a machine with a monitor.
    /// - Parameter begin: from there to an agent that takes requests.
    private func start(
        _ configuration: MachineConfiguration,
        _ endpoint: any ControlEndpoint,
        begin: (Started, QEMUMonitor) throws(BuildError) -> Beginning
    ) throws(BuildError) -> Beginning {
        guard let socket = configuration.saving?.monitorSocket else {
            throw BuildError(.fault, "a machine without a monitor")
        }
        let listener = try ControlListener(socket)
        let started = try start(configuration, endpoint)
        do throws(BuildError) {
            let monitor = try QEMUMonitor(
                try listener.connection(of: started.machine, setup.cancellation),
                setup.cancellation
            )
            return try begin(started, monitor)
        } catch {
            started.machine.stop()
            var told = error
            if told.details.isEmpty { told.details = started.machine.errorOutput }
            throw told
        }
    }

    /// Tells the agent what it could not know at its hello.
    private func renew(_ channel: GuestChannel, disks: [String]) throws(BuildError) {
        var random = SystemRandomNumberGenerator()
        let now = wallClock()
        let request = ResumeMachine(
            seconds: UInt64(clamping: now.seconds),
            nanoseconds: UInt32(clamping: now.nanoseconds),
            seed: (0..<64).map { _ in UInt8.random(in: 0...255, using: &random) },
            disks: disks
        )
        _ = try channel.perform(.resume(request), step: "resume the VM", limit: 30)
    }

    private static func ofTheHost<Value>(
        _ what: String,
        _ body: () throws(Errno) -> Value
    ) throws(BuildError) -> Value {
        do throws(Errno) {
            return try body()
        } catch {
            throw BuildError(.host, "\(what): \(error)")
        }
    }
}
