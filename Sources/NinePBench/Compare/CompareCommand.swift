import ArgumentParser
import CLinux
import SystemIO
import SystemPackage

/// `ninep-bench compare`: our server against diod, in one run.
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Our server against diod on unix sockets: a table, and a chart as SVG.",
        discussion: """
            Both serve the same tree (14,000 files, 750 MB, made at the first run) to the same \
            client: 4 connections of 32 outstanding requests, then one that waits for each reply. \
            All data is verified in a round of its own; in the timed rounds every sixteenth read \
            is, the rest is dropped in the kernel, so that the client is not what is measured.
            """
    )

    @Option(help: "Where the tree is, or is to be made.") var tree: String
    @Option(help: "Folder for bench-9p.md and bench-9p.svg.") var output: String
    @Option(help: "Rounds of each workload.") var rounds = 7
    @Option(help: "Run only workloads whose name has this in it.") var only: String?

    func run() throws {
        clinux_ignore_signal(SIGPIPE)
        let tree = try BenchTree(at: FilePath(tree))
        let folder = try makeTemporaryFolder("/tmp/ninep-bench-")
        defer { removeTree(folder) }
        let diod = try ServerProcess.diod(exporting: tree.path, in: folder)
        defer { diod.stop() }
        let ours = try ServerProcess.ours(exporting: tree.path.string, in: folder)
        defer { ours.stop() }
        var comparisons: [Comparison] = []
        for workload in workloads(tree) {
            comparisons.append(
                try Comparison(
                    workload,
                    pipelined(workload, diod, ours),
                    rounds: rounds,
                    tree: tree
                )
            )
            comparisons.append(
                try Comparison(workload, synchronous(diod, ours), rounds: rounds, tree: tree)
            )
        }
        let table = ComparisonTable(comparisons, rounds: rounds).markdown
        print(table)
        let output = FilePath(output)
        try makeDirectories(output)
        try writeFileAtomically(output.appending("bench-9p.md"), Array(table.utf8))
        let chart = ComparisonChart(comparisons.filter { !$0.isSynchronous }).svg
        try writeFileAtomically(output.appending("bench-9p.svg"), Array(chart.utf8))
    }

    private func workloads(_ tree: BenchTree) -> [Workload] {
        let all: [Workload] = [
            .sequential(file: tree.large), .smallFiles(tree.files), .walkAndStat(tree.files),
            .listing(tree.folders),
        ]
        return all.filter { workload in only.map { workload.name.contains($0) } ?? true }
    }

    private func pipelined(
        _ workload: Workload,
        _ diod: ServerProcess,
        _ ours: ServerProcess
    ) -> [Contestant] {
        let passes =
            switch workload {
            case .sequential: 8
            case .smallFiles: 1
            case .walkAndStat: 5
            case .listing: 20
            }
        func load(_ size: UInt32) -> Load {
            Load(
                messageSize: size,
                connections: 4,
                depth: 32,
                checking: .sampled,
                passes: passes
            )
        }
        return [
            Contestant(name: "diod, 64 KiB", server: diod, load: load(64 << 10)),
            Contestant(name: "ninep-serve, 64 KiB", server: ours, load: load(64 << 10)),
            Contestant(name: "ninep-serve, 1 MiB", server: ours, load: load(1 << 20)),
        ]
    }

    private func synchronous(_ diod: ServerProcess, _ ours: ServerProcess) -> [Contestant] {
        let load = Load(messageSize: 64 << 10, connections: 1, depth: 1, checking: .sampled)
        return [
            Contestant(name: "diod, 64 KiB", server: diod, load: load),
            Contestant(name: "ninep-serve, 64 KiB", server: ours, load: load),
        ]
    }
}
