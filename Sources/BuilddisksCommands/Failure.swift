import ArgumentParser
import Orchestrator

/// Runs a command's work; a failure is told on standard error (what failed and where, why, what to
/// do next) and becomes its exit code.
func reportingFailure(json: Bool = false, _ body: () throws(BuildError) -> Void) throws {
    do throws(BuildError) {
        try body()
    } catch {
        if json { JSONReporter.reportFailure(error) }
        let lines = error.lines
        printErrorLine("builddisks: \(lines[0])")
        for line in lines.dropFirst() { printErrorLine("  \(line)") }
        throw ExitCode(error.exitCode)
    }
}
