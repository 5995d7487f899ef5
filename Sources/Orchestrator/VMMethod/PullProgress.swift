import NineP
import NinePServer
import Pack
import Synchronization
import SystemIO

/// How far a pull is, seen from the host, where counting costs the guest nothing: over 9P the guest
/// opens each object of the repository once; of a pack it takes one piece after another.
final class PullProgress: NinePObserver {
    private struct State: Sendable {
        var progress: PhaseProgress
        var lastReport = 0.0
        var isActive = false

        /// What to report now; nil where that is too soon.
        mutating func due() -> PhaseProgress? {
            let now = monotonicSeconds()
            guard now - lastReport > 0.1 else { return nil }
            lastReport = now
            return progress
        }
    }

    private let state: Mutex<State>
    private let export: Int
    private let totalObjects: Int
    private let reporter: any BuildReporter

    /// - Parameters:
    ///   - export: index of the repository in the export table.
    ///   - totalObjects: of the commit.
    init(export: Int, totalObjects: Int, reporter: any BuildReporter) {
        self.export = export
        self.totalObjects = totalObjects
        self.reporter = reporter
        state = Mutex(State(progress: Self.start(totalObjects)))
    }

    private static func start(_ totalObjects: Int) -> PhaseProgress {
        PhaseProgress(objects: 0, totalObjects: totalObjects, bytes: 0, totalBytes: 0)
    }

    func replied(_ event: ReplyEvent) {
        guard event.export == export, event.openedFile || event.dataByteCount > 0 else { return }
        let due = state.withLock { state -> PhaseProgress? in
            guard state.isActive else { return nil }
            if event.openedFile && state.progress.objects < totalObjects {
                state.progress.objects += 1
            }
            state.progress.bytes += UInt64(event.dataByteCount)
            return state.due()
        }
        if let due { reporter.report(.progress(.pull, due)) }
    }

    /// What a pack's receiver has taken.
    func update(_ pack: PackProgress) {
        let due = state.withLock { state -> PhaseProgress? in
            guard state.isActive else { return nil }
            state.progress = PhaseProgress(
                objects: pack.objects,
                totalObjects: pack.totalObjects,
                bytes: pack.bytes,
                totalBytes: pack.totalBytes
            )
            return state.due()
        }
        if let due { reporter.report(.progress(.pull, due)) }
    }

    /// Counts what is read while `body` runs.
    func during(_ body: () throws(BuildError) -> Void) throws(BuildError) {
        state.withLock { $0 = State(progress: Self.start(totalObjects), isActive: true) }
        try body()
        let last = state.withLock { state in
            state.isActive = false
            return state.progress
        }
        reporter.report(.progress(.pull, last))
    }
}
