import CLinux
import Synchronization
import SystemIO

/// Whether the user wants this run to end. Set by a termination signal; everything that waits also
/// waits for it.
package final class Cancellation: Sendable {
    private let signal = Mutex<CInt?>(nil)
    private let event = SharedFD(OwnedFD(eventfd(0, CInt(EFD_CLOEXEC))))
    private let consequence: String?

    /// - Parameter consequence: what its end means to the user; nil for a run that makes nothing.
    package init(consequence: String? = "nothing was published") {
        self.consequence = consequence
    }

    /// Readable once cancelled, for ever after.
    package var descriptor: CInt { event.rawValue }

    package func cancel(signal number: CInt) {
        signal.withLock { if $0 == nil { $0 = number } }
        var one: UInt64 = 1
        unsafe withUnsafeBytes(of: &one) { _ = unsafe write(event.rawValue, $0.baseAddress, 8) }
    }

    /// Throws when the run has been cancelled.
    package func check() throws(BuildError) {
        if let number = signal.withLock({ $0 }) { throw error(number) }
    }

    private func error(_ number: CInt) -> BuildError {
        let name =
            switch number {
            case SIGINT: "interrupted"
            case SIGHUP: "the terminal has gone"
            default: "terminated"
            }
        return BuildError(.interrupted(number), name + (consequence.map { ": \($0)" } ?? ""))
    }
}

extension Cancellation {
    /// Takes SIGINT, SIGTERM and SIGHUP as the wish to stop. `TerminationSignals.block()` must have
    /// been called at the process's start.
    package func observeSignals() throws(BuildError) {
        do {
            try TerminationSignals.observe { self.cancel(signal: $0) }
        } catch {
            throw BuildError(.fault, "signalfd: \(error)")
        }
    }
}
