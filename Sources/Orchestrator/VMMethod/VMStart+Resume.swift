import Bootstrap
import GuestProtocol
import SystemIO
import SystemPackage

/// An emulated kernel boots for one to two seconds, and the same way each time: so it is saved once, at its
/// agent's hello, and resumed in a tenth of that from then on (docs/boot.md).
extension VMStart {
    /// nil where the machine is to be booted.
    func resumedSession() throws(BuildError) -> VMSession? {
        guard accelerator == .tcg, setup.resumes, setup.stock == nil else { return nil }
        let model = try bareConfiguration(in: try folder("snapshot"))
        let key = MachineSnapshot.key(model, accelerator)
        let cache: BootstrapCache
        do throws(BootstrapError) {
            cache = try BootstrapCache.standard()
        } catch {
            throw BuildError(.host, "\(error)")
        }
        if let entry = cache.find(key) {
            if entry.facts["unusable"] != nil { return nil }
            setup.reporter.report(.note("The VM is resumed from a snapshot of its boot."))
        } else {
            guard try make(key, in: cache, model) else { return nil }
            setup.reporter.report(
                .note("The VM's boot is kept as a snapshot: later starts resume it.")
            )
        }
        do throws(BuildError) {
            guard
                let snapshot = cache.find(key).flatMap({ MachineSnapshot($0, memory: setup.memory) }
                )
            else { throw BuildError(.host, "it is damaged") }
            return try running(in: try folder("resumed")) {
                (configuration, endpoint) throws(BuildError) in
                try resume(snapshot, configuration, endpoint)
            }
        } catch {
            if error.isInterruption { throw error }
            note("cannot be resumed", error)
            // What its agent refuses it will always refuse. All else may go well another time.
            cache.remove(key)
            if error.kind == .guest {
                _ = try? cache.add(key, facts: ["unusable": error.message]) { _ in }
            }
            return nil
        }
    }

    private func note(_ what: String, _ error: BuildError) {
        let reason = ([error.message] + error.details.prefix(1)).joined(separator: "; ")
        setup.reporter.report(.note("The VM's snapshot \(what) (\(reason)): it boots anew."))
    }

    /// The machine as it is saved.
    private func bareConfiguration(in folder: FilePath) throws(BuildError) -> MachineConfiguration {
        var machine = configuration(in: folder)
        machine.controlSocket = folder.appending("control")
        machine.monitorSocket = folder.appending("monitor")
        do throws(Errno) {
            machine.memoryFile = try makeMemoryFile("guest", size: UInt64(setup.memory) << 20)
        } catch {
            throw BuildError(.host, "no memory for the guest: \(error)")
        }
        return machine
    }

    /// Boots a machine without disks and without a virtio socket, and saves it.
    /// - Returns: false where it boots and yet cannot be saved.
    private func make(
        _ key: String,
        in cache: BootstrapCache,
        _ configuration: MachineConfiguration
    ) throws(BuildError) -> Bool {
        guard let control = configuration.controlSocket, let monitor = configuration.monitorSocket,
            let memory = configuration.memoryFile
        else { return false }
        let listener = try ControlListener(monitor)
        let started = try start(configuration, try ControlListener(control))
        defer { started.machine.stop() }
        let hello = try awaitHello(started)
        do throws(BuildError) {
            let qemu = try QEMUMonitor(
                try connection(to: listener, of: started.machine),
                setup.cancellation
            )
            let state: SharedFD
            let frame: [UInt8]
            do {
                state = try makeMemoryFile("state")
                frame = try GuestMessage.hello(hello).frame()
            } catch {
                throw BuildError(.fault, "\(error)")
            }
            try qemu.save(to: state)
            try MachineSnapshot.store(key, in: cache, state: state, hello: frame, memory: memory)
            return true
        } catch {
            if error.isInterruption { throw error }
            note("cannot be made", error)
            return false
        }
    }

    private func resume(
        _ snapshot: MachineSnapshot,
        _ given: MachineConfiguration,
        _ endpoint: any ControlEndpoint
    ) throws(BuildError) -> Beginning {
        var configuration = given
        let socket = try folder("resumed").appending("monitor")
        let listener = try ControlListener(socket)
        let state: SharedFD
        do throws(Errno) {
            configuration.memoryFile = try snapshot.memory()
            state = try snapshot.state()
        } catch {
            throw BuildError(.host, "\(error)")
        }
        configuration.monitorSocket = socket
        configuration.isResumed = true
        let started = try start(configuration, endpoint)
        do throws(BuildError) {
            try QEMUMonitor(
                try connection(to: listener, of: started.machine),
                setup.cancellation
            ).resume(from: state)
            let hello = try started.channel.handshake(with: snapshot.hello)
            try renew(started.channel, disks: configuration.disks.map(\.serial))
            return Beginning(started, hello, isBooted: false)
        } catch {
            started.machine.stop()
            var told = error
            if told.details.isEmpty { told.details = started.machine.errorOutput }
            throw told
        }
    }

    /// Tells the agent what has changed since it was saved.
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
}
