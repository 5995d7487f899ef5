package import ByteStream
import Synchronization

/// Serves 9P2000.L over whatever carries bytes. Each connection is a session of its own.
package final class NinePService: StreamService {
    let exports: ExportTable
    let limits: Limits
    let observer: (any NinePObserver)?
    /// For opens and reads that inflate, and for reads that wait for a disk.
    let workers = WorkerPool()
    let readers = WorkerPool()
    private let state = Mutex(State())

    private struct State {
        var connectionCount = 0
        /// Those that have not said Tversion yet.
        var silent: [ObjectIdentifier: Silent] = [:]
    }

    private struct Silent {
        /// Its session holds this service.
        weak var connection: (any StreamConnection)?
        /// As `monotonicNanoseconds`.
        let since: UInt64
    }

    package init(
        exports: ExportTable,
        limits: Limits = Limits(),
        observer: (any NinePObserver)? = nil
    ) {
        self.exports = exports
        self.limits = limits
        self.observer = observer
    }

    /// Refuses what exceeds the quota of connections, unless one has been silent for so long that it
    /// has to make room.
    package func accept(_ connection: any StreamConnection) -> (any StreamHandler)? {
        let now = monotonicNanoseconds()
        let (isAccepted, evicted) = state.withLock { state in
            let isFull = state.connectionCount >= limits.connections
            let evicted = isFull ? takeSilent(&state, now) : nil
            guard !isFull || evicted != nil else { return (false, evicted) }
            state.connectionCount += 1
            return (true, evicted)
        }
        // It may neither read nor go by itself.
        evicted?.abort()
        guard isAccepted else { return nil }
        let session = Session(service: self, connection: connection)
        state.withLock {
            $0.silent[ObjectIdentifier(session)] = Silent(connection: connection, since: now)
        }
        return session
    }

    private func takeSilent(_ state: inout State, _ now: UInt64) -> (any StreamConnection)? {
        guard let oldest = state.silent.min(by: { $0.value.since < $1.value.since }),
            now &- oldest.value.since >= limits.silence
        else { return nil }
        state.silent[oldest.key] = nil
        return oldest.value.connection
    }

    /// A session has agreed on a message size.
    func sessionSpoke(_ session: Session) {
        state.withLock { _ = $0.silent.removeValue(forKey: ObjectIdentifier(session)) }
    }

    func sessionEnded(_ session: Session) {
        state.withLock { state in
            state.connectionCount -= 1
            state.silent[ObjectIdentifier(session)] = nil
        }
    }
}
