import ArgumentParser
import CLinux
import SystemIO
import SystemPackage

/// `ninep-bench commit`: throughput of serving an OSTree commit.
struct CommitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "commit",
        abstract: "Measures ninep-serve with a commit of a repository as its export.",
        discussion: """
            The load is that of `compare`: 4 connections of 32 outstanding requests. A round that is \
            not counted reads everything and compares it with the objects, so that what is timed \
            is what the server has met before.
            """
    )

    @Option(help: "The repository.") var repo: String
    @Option(help: "The commit.") var ref: String
    @Option(help: "Rounds of each workload.") var rounds = 7

    func run() throws {
        clinux_ignore_signal(SIGPIPE)
        let commit = try BenchCommit(repository: FilePath(repo), ref: ref)
        let folder = try makeScratchFolder()
        defer { removeTree(folder) }
        let server = try ServerProcess.ours(exporting: "ostree:\(repo):\(ref)", in: folder)
        defer { server.stop() }
        print("| workload | MB/s | operations/s | server's CPU, µs/operation |\n|---|---|---|---|")
        let workloads: [(Workload, passes: Int)] = [
            (.smallFiles(commit.files), 10), (.walkAndStat(commit.files), 50),
            (.listing(commit.folders), 200),
        ]
        for (workload, passes) in workloads {
            var load = Load(messageSize: 1 << 20, connections: 4, depth: 32, checking: .all)
            let all = try Measurement(workload, on: server, load)
            if workload.readsData, try commit.contentSum() != all.sum {
                throw BenchFailure("\(workload.name): the data is not the objects'")
            }
            load.checking = .sampled
            load.passes = passes
            let runs = try (0..<rounds).map { _ in try Measurement(workload, on: server, load) }
            print(Self.line(workload, runs))
        }
        print("\nOf \(rounds) rounds: the fastest's throughput, the median's processor time.")
    }

    private static func line(_ workload: Workload, _ runs: [Measurement]) -> String {
        let bytes = runs.map(\.bytesPerSecond).max() ?? 0
        let operations = runs.map(\.operationsPerSecond).max() ?? 0
        let cost = runs.map(\.serverSecondsPerOperation).median
        let cells = [
            workload.name,
            workload.readsData ? "\(Int(bytes / 1e6))" : "",
            "\(Int(operations))",
            decimal(cost * 1e6, places: 1),
        ]
        return "| " + cells.joined(separator: " | ") + " |"
    }
}
