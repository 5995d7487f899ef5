import CLinux
import GuestProtocol
import Synchronization
import SystemIO
package import SystemPackage

/// Serves one host over one channel until it is told to power off or the channel ends.
///
/// Everything here works on an ordinary host as well, but for the steps that need the rights of
/// PID 1; the caller switches the machine off.
package final class Agent {
    package static let build = "builddisks-agent 1"

    /// Why serving ended.
    package enum End: Equatable, Sendable {
        /// By request; the disks are unmounted unless the host was told otherwise.
        case poweredOff
        case channelEnded(String)
        case refused(String)
    }

    let channel: ControlChannel
    let paths: SystemPaths
    let isInit: Bool
    private let startup: Startup
    private let log: @Sendable (String) -> Void
    private let active: ActiveRequest
    var mounts = MountTable()
    var cover = KernelCover()

    /// - Parameters:
    ///   - isInit: whether this is PID 1, which reaps orphans and kills all at the end.
    ///   - startup: what happened before there was a channel.
    ///   - log: gets one line for each step; the console's.
    package init(
        channel: ControlChannel,
        paths: SystemPaths = SystemPaths(),
        isInit: Bool,
        startup: Startup = Startup(),
        log: @escaping @Sendable (String) -> Void
    ) {
        self.channel = channel
        self.paths = paths
        self.isInit = isInit
        self.startup = startup
        self.log = log
        active = ActiveRequest()
    }

    /// - Parameters:
    ///   - welcomeLimit: milliseconds that the host has for its answer to hello.
    ///   - onChannelEnd: called at once when the channel ends, even in the middle of a request.
    package func serve(
        welcomeLimit: CInt = 30_000,
        onChannelEnd: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(Errno) -> End {
        try channel.startReading(onEnd: onChannelEnd)
        let statistics = ProcStatistics(paths: paths)
        channel.send(
            .hello(
                Hello(
                    kernelRelease: statistics.kernelRelease(),
                    agentBuild: Self.build,
                    uptimeMilliseconds: statistics.uptimeMilliseconds(),
                    agentStartMilliseconds: startup.uptimeMilliseconds,
                    moduleMilliseconds: startup.moduleMilliseconds
                )
            )
        )
        switch channel.next(milliseconds: welcomeLimit) {
        case .welcome(ControlProtocol.version): break
        case .welcome(let version): return .refused("the host speaks control protocol \(version)")
        case .request: return .refused("the host sent a request before its welcome")
        case .end(let reason): return .channelEnded(reason)
        case nil: return .refused("the host did not answer hello")
        }
        for warning in startup.warnings {
            channel.send(.log(LogLine(level: .warning, text: warning)))
        }
        let heartbeat = try HeartbeatThread(
            channel: channel,
            statistics: statistics,
            active: active
        )
        defer { heartbeat.stop() }
        return serveRequests()
    }

    private func serveRequests() -> End {
        while true {
            switch channel.next(milliseconds: 1000) {
            case nil: break
            case .welcome: return .refused("the host sent a second welcome")
            case .end(let reason): return .channelEnded(reason)
            case .request(let id, let timeLimit, let request):
                answer(id, timeLimit: timeLimit, request)
                if request == .powerOff { return .poweredOff }
            }
            if isInit { reapEndedChildren() }
        }
    }

    private func answer(_ id: RequestID, timeLimit: UInt32, _ request: Request) {
        let text = String(request.description.prefix(200).map { $0.isNewline ? " " : $0 })
        log(text)
        active.set(id)
        let before = ResourceUse.now()
        let reply: GuestMessage
        do throws(Failure) {
            guard !channel.isCancelled(id) else {
                throw Failure(.cancelled, step: "not started", subject: text)
            }
            let completion = try perform(request, id: id, timeLimit: timeLimit)
            let figures = ResourceUse.now().figures(since: before)
            log("\(text): done, \(figures.elapsedMilliseconds) ms")
            reply = .completed(id, completion, figures)
        } catch {
            log("failed: \(error.lineForConsole)")
            reply = .failed(id, error)
        }
        active.set(nil)
        channel.forget(id)
        if !channel.send(reply) {
            channel.send(
                .failed(id, Failure(.messageTooLong, step: "answer", subject: text))
            )
        }
    }
}

/// What happened before there was a channel.
package struct Startup: Sendable {
    /// What went wrong; told after the handshake.
    package var warnings: [String] = []
    /// Uptime at the program's start.
    package var uptimeMilliseconds: UInt64 = 0
    /// How long the modules took to load.
    package var moduleMilliseconds: UInt64 = 0

    package init(warnings: [String] = []) { self.warnings = warnings }
}

/// Which request is in work, for the heartbeat.
final class ActiveRequest: Sendable {
    private let id = Mutex<RequestID?>(nil)
    func set(_ new: RequestID?) { id.withLock { $0 = new } }
    var current: RequestID? { id.withLock { $0 } }
}

/// Sends a heartbeat every second until stopped.
private struct HeartbeatThread {
    private let stopping: EventFD

    init(
        channel: ControlChannel,
        statistics: ProcStatistics,
        active: ActiveRequest
    ) throws(Errno) {
        let stopping = try EventFD()
        self.stopping = stopping
        _ = try Thread(name: "heartbeat") {
            while true {
                channel.send(
                    .heartbeat(
                        Heartbeat(
                            uptimeMilliseconds: statistics.uptimeMilliseconds(),
                            availableKiB: statistics.availableKiB(),
                            active: active.current
                        )
                    )
                )
                var descriptor = pollfd(fd: stopping.rawValue, events: Int16(POLLIN), revents: 0)
                let period = CInt(ControlProtocol.heartbeatMilliseconds)
                if unsafe poll(&descriptor, 1, period) > 0 { return }
            }
        }
    }

    func stop() { stopping.signal() }
}
