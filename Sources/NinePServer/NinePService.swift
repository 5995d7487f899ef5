package import ByteStream
import Synchronization

/// Serves 9P2000.L over whatever carries bytes. Each connection is a session of its own.
package final class NinePService: StreamService {
    let exports: ExportTable
    let limits: Limits
    let observer: (any NinePObserver)?
    let workers = WorkerPool()
    private let connectionCount = Atomic(0)

    package init(
        exports: ExportTable,
        limits: Limits = Limits(),
        observer: (any NinePObserver)? = nil
    ) {
        self.exports = exports
        self.limits = limits
        self.observer = observer
    }

    /// Refuses what exceeds the quota of connections.
    package func accept(_ connection: any StreamConnection) -> (any StreamHandler)? {
        let before = connectionCount.wrappingAdd(1, ordering: .relaxed).oldValue
        guard before < limits.connections else {
            connectionCount.wrappingSubtract(1, ordering: .relaxed)
            return nil
        }
        return Session(service: self, connection: connection)
    }

    func sessionEnded() { connectionCount.wrappingSubtract(1, ordering: .relaxed) }
}
