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
            and asks for each message many times, over more files than the server keeps nodes of. \
            The first rounds are not counted.
            """
    )

    @Option(help: "Fail if any message allocates more often than this.") var atMost: Double?

    /// Names that are walked through in turn.
    private static let fileCount = 8192
    private static let folderCount = 64
    /// Of one round: so many fids are there at a time.
    private static let batch = 512
    private static let warmUp = 40
    private static let rounds = 40

    func run() throws {
        clinux_ignore_signal(SIGPIPE)
        allocation_count_except_this_thread()
        let folder = try makeScratchFolder()
        defer { removeTree(folder) }
        try makeTree(folder.appending("tree"))
        let export = try HostTree(path: folder.appending("tree"))
        let service = NinePService(exports: ExportTable([("tree", export)]))
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
            let figures = try roundTrip(client, round)
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
        _ round: Int
    ) throws -> [(name: String, count: UInt64)] {
        var counter = AllocationCounter(client: client, batch: Self.batch)
        try counter.count("Twalk to a file") {
            let file = (round * Self.batch + $2) % Self.fileCount
            $0.twalk(tag: $1, fid: 0, newFid: UInt32($2) + 1, names: Self.names(file))
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
            let names = Self.names($2 % Self.folderCount).dropLast()
            $0.twalk(tag: $1, fid: 0, newFid: UInt32($2) + 1, names: Array(names))
        }
        try counter.count("Tlopen of a folder") {
            $0.tlopen(tag: $1, fid: UInt32($2) + 1, flags: 0)
        }
        try counter.read(.treaddir, at: 0, "Treaddir")
        try counter.clunk("Tclunk of a folder")
        return counter.counts
    }

    private static func names(_ file: Int) -> [[UInt8]] {
        [Array("folder-\(file % folderCount)".utf8), Array("a-file-of-number-\(file)".utf8)]
    }

    private func makeTree(_ tree: FilePath) throws {
        for file in 0..<Self.fileCount {
            let names = Self.names(file).map { String(decoding: $0, as: UTF8.self) }
            let folder = tree.appending(names[0])
            if file < Self.folderCount { try makeDirectories(folder) }
            let made = try OwnedFD.open(folder.appending(names[1]), O_WRONLY | O_CREAT)
            try writeAll(made.rawValue, Array(repeating: 0x61, count: 100))
        }
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
