import Foundation

/// An outside program that judges what we made.
package struct Referee: Sendable {
    package struct Verdict: Sendable {
        package let status: Int32
        /// Standard output and standard error, as they came.
        package let output: String
    }

    package struct Missing: Error, CustomStringConvertible {
        package let description: String
    }

    /// Runs `tool` (searched in PATH and the sbin folders) to its end.
    package static func run(
        _ tool: String,
        _ arguments: [String],
        environment: [String: String] = [:]
    ) throws -> Verdict {
        let folders = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
        guard
            let path = folders.map({ "\($0)/\(tool)" }).first(where: {
                FileManager.default.isExecutableFile(atPath: $0)
            })
        else { throw Missing(description: "\(tool) is not installed") }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment
            .merging(["LC_ALL": "C"]) { $1 }.merging(environment) { $1 }
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Verdict(
            status: process.terminationStatus,
            output: String(decoding: data, as: UTF8.self)
        )
    }
}

/// A folder that is removed with the last reference to it.
package final class ScratchFolder: Sendable {
    package let path: String

    /// - Parameter inMemory: where there is such a folder, on a file system without a disk.
    package init(inMemory: Bool = false) throws {
        let memory = "/dev/shm/"
        let isThere = FileManager.default.isWritableFile(atPath: memory)
        let parent = inMemory && isThere ? memory : NSTemporaryDirectory()
        path = parent + "builddisks-test-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true
        )
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    package func file(_ name: String) -> String { path + "/" + name }
}
