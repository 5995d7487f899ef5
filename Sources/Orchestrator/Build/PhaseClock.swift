import SystemIO

/// Runs the phases of a build one after another, times them and tells the reporter.
package final class PhaseClock {
    private let reporter: any BuildReporter
    private let start = monotonicSeconds()
    package private(set) var phases: [(phase: Phase, seconds: Double)] = []

    package init(_ reporter: any BuildReporter) { self.reporter = reporter }

    package func run<Value>(
        _ phase: Phase, _ body: () throws(BuildError) -> Value
    ) throws(BuildError) -> Value {
        reporter.report(.phaseStarted(phase))
        let began = monotonicSeconds()
        let value = try body()
        let seconds = monotonicSeconds() - began
        phases.append((phase, seconds))
        reporter.report(.phaseEnded(phase, seconds: seconds))
        return value
    }

    package var totalSeconds: Double { monotonicSeconds() - start }
}
