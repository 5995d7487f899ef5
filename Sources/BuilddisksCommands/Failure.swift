import ArgumentParser
import CLinux
import Orchestrator
import SystemIO

/// Writes a line to standard error.
func printError(_ line: String) { try? writeAll(STDERR_FILENO, (line + "\n").utf8) }

/// Runs a command's work; a failure is told on standard error (what failed and where, why, what to
/// do next) and becomes its exit code.
func reportingFailure(json: Bool = false, _ body: () throws(BuildError) -> Void) throws {
    do throws(BuildError) {
        try body()
    } catch {
        if json { JSONReporter.reportFailure(error) }
        printError("builddisks: \(error.message)")
        for line in error.details { printError("  | \(line)") }
        if let hint = error.hint { printError("  \(hint)") }
        throw ExitCode(error.exitCode)
    }
}
