import ArgumentParser
import CAllocationCount
import CLinux
import NineP
import NinePServer
import SystemIO
import SystemPackage

/// `ninep-bench allocations`: what serving a message allocates.
struct AllocationsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allocations",
        abstract: "Counts the server's allocations per message, by message type.",
        discussion: """
            Serves a folder on a unix socket from within this process, where malloc is counted, \
            and asks for each message many times, over more files than the server keeps nodes of; \
            or a commit, all of which has been met before. \
            The first rounds are not counted.
            """
    )

    @Option(help: "Fail if any message allocates more often than this.") var atMost: Double?
    @Option(help: "Serve a commit of this repository instead of a folder.") var repo: String?
    @Option(help: "The commit.") var ref: String?

    /// Of one round: so many fids are there at a time.
    private static let batch = 512
    private static let warmUp = 40
    private static let rounds = 40

    func validate() throws {
        if (repo == nil) != (ref == nil) { throw ValidationError("--repo and --ref go together.") }
    }

    func run() throws {
        clinux_ignore_signal(SIGPIPE)
        allocation_count_except_this_thread()
        let folder = try makeScratchFolder()
        defer { removeTree(folder) }
        let tree =
            if let repo, let ref {
                try AllocationTree(BenchCommit(repository: FilePath(repo), ref: ref))
            } else {
                try AllocationTree(in: folder.appending("tree"))
            }
        let service = NinePService(exports: ExportTable([("tree", tree.export)]))
        let listener = try SocketListener(service: service, threads: 1)
        defer { listener.stop() }
        let socket = folder.appending("sock")
        try listener.listen(.unix(socket))
        let client = try LoadConnection(
            socket,
            messageSize: 65_536,
            depth: 16,
            readAhead: 256 << 10
        )
        try client.attach("tree")
        var counts: [(name: String, count: UInt64)] = []
        for round in 0..<(Self.warmUp + Self.rounds) {
            let figures = try roundTrip(client, tree, round)
            if round < Self.warmUp { continue }
            if counts.isEmpty { counts = figures.map { ($0.name, 0) } }
            for index in figures.indices { counts[index].count += figures[index].count }
        }
        try report(counts)
    }

    private func report(_ counts: [(name: String, count: UInt64)]) throws {
        print("| message | allocations each |\n|---|---|")
        var worst = 0.0
        for (name, count) in counts {
            let each = Double(count) / Double(Self.batch * Self.rounds)
            worst = max(worst, each)
            print("| \(name) | \(decimal(each, places: 3)) |")
        }
        if let atMost, worst > atMost { throw BenchFailure("more than \(atMost)") }
    }

    /// Every message once for each of a batch of files, then of folders.
    private func roundTrip(
        _ client: LoadConnection,
        _ tree: AllocationTree,
        _ round: Int
    ) throws -> [(name: String, count: UInt64)] {
        var counter = AllocationCounter(client: client, batch: Self.batch)
        try counter.count("Twalk to a file") {
            let file = tree.files[(round * Self.batch + $2) % tree.files.count]
            $0.twalk(tag: $1, fid: 0, newFid: UInt32($2) + 1, names: file)
        }
        try counter.count("Tgetattr") {
            $0.tgetattr(tag: $1, fid: UInt32($2) + 1, mask: 0x7ff)
        }
        try counter.count("Tlopen of a file") {
            $0.tlopen(tag: $1, fid: UInt32($2) + 1, flags: 0)
        }
        try counter.read(.tread, at: 0, "Tread")
        try counter.read(.tread, at: 100, "Tread at the end")
        try counter.clunk("Tclunk of a file")
        try counter.count("Twalk to a folder") {
            let folder = tree.folders[$2 % tree.folders.count]
            $0.twalk(tag: $1, fid: 0, newFid: UInt32($2) + 1, names: folder)
        }
        try counter.count("Tlopen of a folder") {
            $0.tlopen(tag: $1, fid: UInt32($2) + 1, flags: 0)
        }
        try counter.read(.treaddir, at: 0, "Treaddir")
        try counter.clunk("Tclunk of a folder")
        return counter.counts
    }
}

/// Sends a batch of one message and notes what serving it allocated.
private struct AllocationCounter {
    let client: LoadConnection
    let batch: Int
    private(set) var counts: [(name: String, count: UInt64)] = []

    init(client: LoadConnection, batch: Int) {
        self.client = client
        self.batch = batch
    }

    mutating func count(
        _ name: String,
        _ write: (inout WireWriter, _ tag: UInt16, _ number: Int) -> Void
    ) throws {
        let before = allocation_count()
        try client.batch(batch, write)
        counts.append((name, allocation_count() - before))
    }

    mutating func read(_ type: MessageType, at offset: UInt64, _ name: String) throws {
        try count(name) {
            $0.readRequest(type, tag: $1, fid: UInt32($2) + 1, offset: offset, count: 4096)
        }
    }

    mutating func clunk(_ name: String) throws {
        try count(name) { $0.fidRequest(.tclunk, tag: $1, fid: UInt32($2) + 1) }
    }
}
