package import ArgumentParser
import SystemIO
import SystemPackage

/// `ninep-bench`: measures the 9P server.
package struct BenchCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "ninep-bench",
        abstract: "Measures ninep-serve.",
        subcommands: [
            CompareCommand.self, CommitCommand.self, FidsCommand.self, AllocationsCommand.self,
            GuestCommand.self, LaunchChild.self,
        ]
    )

    package init() {}
}

/// Not for users: becomes another program that dies with its parent (see `ChildProcess`).
struct LaunchChild: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "launch-child",
        abstract: "Used by ninep-bench itself.",
        shouldDisplay: false
    )

    @Argument var parent: Int32
    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

    func run() throws {
        let error = launchChild(parent: parent, arguments)
        throw BenchFailure("cannot start \(arguments.first ?? "a program"): \(error)")
    }
}

/// Ends a benchmark: what is wrong with the host or with an answer.
struct BenchFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A folder for many small files, in memory where the system has such a place.
func makeScratchFolder() throws(Errno) -> FilePath {
    try makeTemporaryFolder(
        fileExists("/dev/shm") ? "/dev/shm/ninep-bench-" : "/tmp/ninep-bench-"
    )
}
