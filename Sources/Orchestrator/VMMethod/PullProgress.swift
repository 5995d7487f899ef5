import NineP
import NinePServer
import Pack
import Synchronization
import SystemIO

/// How far a pull is, seen from the host, where counting costs the guest nothing: over 9P the guest
/// opens each object of the repository once; of a pack it takes one piece after another.
final class PullProgress: NinePObserver {
    private struct State: Sendable {
        var objects = 0
        var bytes: UInt64 = 0
        var lastReport = 0.0
        var isActive = false
    }

    private let state = Mutex(State())
    private let export: Int
    private let totalObjects: Int
    private let reporter: any BuildReporter

    /// - Parameter export: index of the repository in the export table.
    init(export: Int, totalObjects: Int, reporter: any BuildReporter) {
        self.export = export
        self.totalObjects = totalObjects
        self.reporter = reporter
    }

    func replied(_ event: ReplyEvent) {
        guard event.export == export, event.openedFile || event.dataByteCount > 0 else { return }
        let due: PhaseProgress? = state.withLock { state in
            guard state.isActive else { return nil }
            if event.openedFile { state.objects += 1 }
            state.bytes += UInt64(event.dataByteCount)
            let now = monotonicSeconds()
            guard now - state.lastReport > 0.1 else { return nil }
            state.lastReport = now
            return progress(state)
        }
        if let due { reporter.report(.progress(.pull, due)) }
    }

    /// What a pack's receiver has taken.
    func update(_ pack: PackProgress) {
        let isDue = state.withLock { state in
            let now = monotonicSeconds()
            guard state.isActive else { return false }
            state.objects = pack.objects
            state.bytes = pack.bytes
            guard now - state.lastReport > 0.1 else { return false }
            state.lastReport = now
            return true
        }
        guard isDue else { return }
        reporter.report(
            .progress(
                .pull,
                PhaseProgress(
                    objects: pack.objects,
                    totalObjects: pack.totalObjects,
                    bytes: pack.bytes,
                    totalBytes: pack.totalBytes
                )
            )
        )
    }

    /// Counts what is read while `body` runs.
    func during(_ body: () throws(BuildError) -> Void) throws(BuildError) {
        state.withLock { $0 = State(isActive: true) }
        try body()
        let last = state.withLock { state in
            state.isActive = false
            return progress(state)
        }
        reporter.report(.progress(.pull, last))
    }

    private func progress(_ state: State) -> PhaseProgress {
        PhaseProgress(
            objects: min(state.objects, totalObjects),
            totalObjects: totalObjects,
            bytes: state.bytes,
            totalBytes: 0
        )
    }
}
