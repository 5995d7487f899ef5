import Foundation

/// A program's outcome.
package struct CommandResult: Sendable {
    package let status: Int32
    package let output: String
    package let errors: String
}

/// A program that runs while the test does something else.
package final class RunningCommand {
    private let process = Process()
    private let output: FileHandle
    private let errors: FileHandle
    private let folder: ScratchFolder

    /// - Parameters:
    ///   - arguments: the program's path or name, then its arguments.
    ///   - environment: added to the test's own; nil takes a variable away.
    package init(_ arguments: [String], environment: [String: String?] = [:]) throws {
        folder = try ScratchFolder()
        let outputPath = folder.path + "/output"
        let errorPath = folder.path + "/errors"
        for path in [outputPath, errorPath] {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        var variables = ProcessInfo.processInfo.environment
        for (name, value) in environment { variables[name] = value }
        process.environment = variables
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle(forWritingAtPath: outputPath)
        process.standardError = FileHandle(forWritingAtPath: errorPath)
        output = try FileHandle(forReadingFrom: URL(fileURLWithPath: outputPath))
        errors = try FileHandle(forReadingFrom: URL(fileURLWithPath: errorPath))
        try process.run()
    }

    package var processID: Int32 { process.processIdentifier }

    package func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// What it has written to standard output so far.
    package func outputSoFar() -> String {
        (try? String(contentsOfFile: folder.path + "/output", encoding: .utf8)) ?? ""
    }

    /// What it has written to standard error so far.
    package func errorsSoFar() -> String {
        (try? String(contentsOfFile: folder.path + "/errors", encoding: .utf8)) ?? ""
    }

    package var isRunning: Bool { process.isRunning }

    package func wait() -> CommandResult {
        process.waitUntilExit()
        let status =
            process.terminationReason == .uncaughtSignal
            ? 128 + process.terminationStatus : process.terminationStatus
        return CommandResult(
            status: status,
            output: String(decoding: output.readDataToEndOfFile(), as: UTF8.self),
            errors: String(decoding: errors.readDataToEndOfFile(), as: UTF8.self)
        )
    }
}

/// Runs a program to its end.
package func runCommand(
    _ arguments: [String],
    environment: [String: String?] = [:]
) throws -> CommandResult {
    try RunningCommand(arguments, environment: environment).wait()
}
