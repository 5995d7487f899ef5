import SystemIO

/// Runs the phases of a build one after another, times them and tells the reporter.
package final class PhaseClock {
    private let reporter: any BuildReporter
    private let start = monotonicSeconds()
    package private(set) var phases: [(phase: Phase, seconds: Double)] = []

    package init(_ reporter: any BuildReporter) { self.reporter = reporter }

    /// - Parameter began: of what belongs to the phase before it was known that there is one; nil for
    ///   now.
    package func run<Value>(
        _ phase: Phase,
        since began: Double? = nil,
        _ body: () throws(BuildError) -> Value
    ) throws(BuildError) -> Value {
        reporter.report(.phaseStarted(phase))
        let began = began ?? monotonicSeconds()
        let value = try body()
        let seconds = monotonicSeconds() - began
        // A phase may come in two parts (checked in the guest, then on the host): one figure.
        if let index = phases.firstIndex(where: { $0.phase == phase }) {
            phases[index].seconds += seconds
        } else {
            phases.append((phase, seconds))
        }
        reporter.report(.phaseEnded(phase, seconds: seconds))
        return value
    }

    package var totalSeconds: Double { monotonicSeconds() - start }
}
