import ArgumentParser
import CAllocationCount
import CLinux
import NinePGuest
import NinePServer
import SystemIO
import SystemPackage

/// `ninep-bench guest`: our server over our virtio socket against QEMU's virtio-9p, in one boot.
struct GuestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "guest",
        abstract: "Our server against QEMU's virtio-9p, asked by one emulated guest in turn.",
        discussion: """
            Boots a commit's kernel with an init process that measures, and gives it the tree \
            (14,000 files, 750 MB, made at the first run) on both devices. A first round checks \
            what is read, and is not counted.
            """
    )

    @Option(help: "Where the tree is, or is to be made.") var tree: String
    @Option(help: "Folder for bench-9p-guest.md.") var output: String
    @Option(help: "The repository whose commit has the kernel.") var repo: String
    @Option(help: "The commit.") var ref: String
    @Option(help: "Rounds of each workload.") var rounds = 5
    @Option(help: "Processors of the guest.") var processors = 1
    @Option(help: "Run only this cache mode of the client.") var cache: String?
    @Option(help: "Run only this workload: sequential, list or files.") var only: String?
    @Option(help: "Message size on the socket, in bytes.") var msize = 524_312
    @Option(help: "Seconds that the guest may take to boot, and for one task.")
    var timeLimit = 600
    @Flag(help: "Print what our server was asked.") var stats = false
    @Option(help: "More of the kernel's command line.") var append = ""

    /// The most that Linux takes on a virtio-9p device (net/9p/trans_virtio.c).
    private static let deviceMessageSize = 512_000
    /// A fifth of the tree: 2,800 files of some 100 MB.
    private static let parts = ["part-3", "part-7"]

    func run() throws {
        clinux_ignore_signal(SIGPIPE)
        allocation_count_except_this_thread()
        let tree = try BenchTree(at: FilePath(tree))
        let folder = try makeTemporaryFolder("/tmp/ninep-bench-")
        defer { removeTree(folder) }
        let machine = try BenchMachine(
            exporting: tree.path,
            repository: FilePath(repo),
            ref: ref,
            processors: processors,
            appending: append,
            timeLimit: timeLimit,
            in: folder
        )
        defer { machine.stop() }
        var comparisons: [GuestComparison] = []
        for cache in ["loose", "none"] where self.cache == nil || self.cache == cache {
            for workload in GuestTask.Workload.allCases
            where only == nil || only == workload.rawValue {
                let comparison = try compare(workload, cache: cache, on: machine)
                print(comparison.line)
                // To be seen at once, in a file as well.
                fflush(nil)
                comparisons.append(comparison)
            }
        }
        let table = GuestTable(comparisons, rounds: rounds, processors: processors).markdown
        print(table)
        try makeDirectories(FilePath(output))
        try writeFileAtomically(
            FilePath(output).appending("bench-9p-guest.md"),
            Array(table.utf8)
        )
        if stats { print(machine.statistics.table()) }
    }

    private func compare(
        _ workload: GuestTask.Workload,
        cache: String,
        on machine: BenchMachine
    ) throws -> GuestComparison {
        func measure(_ isOurs: Bool, isChecking: Bool = false) throws -> HostedFigures {
            let size = isOurs ? msize : Self.deviceMessageSize
            var total = HostedFigures()
            for path in paths(workload) {
                total.add(
                    try machine.perform(
                        GuestTask(
                            workload,
                            over: isOurs ? BenchMachine.ours : BenchMachine.theirs,
                            options: "msize=\(size),cache=\(cache)",
                            path: path,
                            isChecking: isChecking
                        )
                    )
                )
            }
            return total
        }
        let checked = [try measure(true, isChecking: true), try measure(false, isChecking: true)]
        let (ours, theirs) = (checked[0].guest, checked[1].guest)
        guard ours.sum == theirs.sum, ours.bytes == theirs.bytes,
            ours.operations == theirs.operations
        else { throw BenchFailure("\(workload): the two trees differ") }
        var comparison = GuestComparison(workload: workload, cache: cache)
        for round in 0..<rounds {
            let isOursFirst = round % 2 == 0
            let first = try measure(isOursFirst)
            let second = try measure(!isOursFirst)
            comparison.ours.append(isOursFirst ? first : second)
            comparison.theirs.append(isOursFirst ? second : first)
        }
        return comparison
    }

    private func paths(_ workload: GuestTask.Workload) -> [String] {
        switch workload {
        case .sequential: ["large"]
        case .list: [""]
        case .files: Self.parts
        }
    }
}
