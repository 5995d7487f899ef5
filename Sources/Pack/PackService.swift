package import ByteStream
package import OSTree
import PackFormat
import Synchronization

/// How far a pack is: what the receiver has taken.
package struct PackProgress: Sendable {
    package var objects: Int
    package var totalObjects: Int
    package var bytes: UInt64
    package var totalBytes: UInt64
}

/// Serves packs of one commit: whoever connects says what it has, and gets what it lacks.
package final class PackService: StreamService {
    private let source: PackSource
    private let workers: Int
    private let onProgress: @Sendable (PackProgress) -> Void
    private let lastFailure = Mutex<OSTreeError?>(nil)

    /// - Parameters:
    ///   - workers: threads that read, inflate and check.
    ///   - onProgress: called on the carrier's threads; must return at once.
    package init(
        _ source: PackSource,
        workers: Int = 2,
        onProgress: @escaping @Sendable (PackProgress) -> Void = { _ in }
    ) {
        self.source = source
        self.workers = max(1, workers)
        self.onProgress = onProgress
    }

    /// Why the last pack could not be completed: the receiver only hears the words.
    package var failure: OSTreeError? { lastFailure.withLock { $0 } }

    package func accept(_ connection: any StreamConnection) -> (any StreamHandler)? {
        PackTransfer(
            source: source,
            connection: connection,
            workers: workers,
            onProgress: onProgress,
            onFailure: { error in self.lastFailure.withLock { $0 = error } }
        )
    }
}
