import ArgumentParser
import CLinux
import NineP
import SystemIO
import SystemPackage

/// `ninep-bench fids`: what the server needs for many open fids.
struct FidsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fids",
        abstract: "Opens many fids of ninep-serve and prints its memory.",
        discussion: """
            Every fid is walked to and opened; then some of them are read, whether or not the \
            server still has a descriptor for them.
            """
    )

    @Option(help: "How many fids.") var count = 100_000
    @Option(help: "Of how many different files; by default each fid has one of its own.")
    var files: Int?
    @Option(help: "Fail if the server needs more resident memory, in MB (10^6 bytes).")
    var atMost: Int?

    func validate() throws {
        guard (1...250_000).contains(count), (1...count).contains(files ?? 1) else {
            throw ValidationError("--count goes up to 250000, and --files up to that.")
        }
    }

    func run() throws {
        clinux_ignore_signal(SIGPIPE)
        let folder = try makeScratchFolder()
        defer { removeTree(folder) }
        let tree = folder.appending("tree")
        let files = files ?? count
        try makeFiles(files, in: tree)
        let server = try ServerProcess.ours(exporting: tree.string, in: folder)
        defer { server.stop() }
        let before = try server.residentMemory()
        let client = try LoadConnection(
            server.socket,
            messageSize: 65_536,
            depth: 32,
            readAhead: 16 << 10
        )
        try client.attach(server.attachName)
        try client.batch(count) {
            $0.twalk(tag: $1, fid: 0, newFid: UInt32($2) + 1, names: Self.names($2 % files))
        }
        try client.batch(count) { $0.tlopen(tag: $1, fid: UInt32($2) + 1, flags: 0) }
        let after = try server.residentMemory()
        try readSome(client)
        print(
            """
            \(count) open fids of \(files) files: \(after.all / 1_000_000) MB resident, \
            \(after.anonymous / 1_000_000) MB of it the server's own \
            (\((after.anonymous - before.anonymous) / count) bytes a fid; \
            without fids \(before.all / 1_000_000) MB); \(try server.descriptorCount()) descriptors
            """
        )
        if let atMost, after.all > atMost * 1_000_000 {
            throw BenchFailure("more than \(atMost) MB")
        }
    }

    /// Each file holds the one byte that its number ends with.
    private func readSome(_ client: LoadConnection) throws {
        let files = files ?? count
        for number in stride(from: 0, to: count, by: 997) {
            try unsafe client.call(
                {
                    $0.readRequest(
                        .tread,
                        tag: $1,
                        fid: UInt32(number) + 1,
                        offset: 0,
                        count: 2
                    )
                },
                { _, body in
                    let expected = UInt8(truncatingIfNeeded: number % files)
                    guard body.count == 5, unsafe body[4] == expected else {
                        throw BenchFailure("fid \(number + 1) is not its file's")
                    }
                }
            )
        }
    }

    private static func names(_ file: Int) -> [[UInt8]] {
        [Array("folder-\(file / 1000)".utf8), Array("file-number-\(file)".utf8)]
    }

    private func makeFiles(_ count: Int, in tree: FilePath) throws {
        for file in 0..<count {
            let names = Self.names(file).map { String(decoding: $0, as: UTF8.self) }
            let folder = tree.appending(names[0])
            if file % 1000 == 0 { try makeDirectories(folder) }
            let made = try OwnedFD.open(folder.appending(names[1]), O_WRONLY | O_CREAT)
            try writeAll(made.rawValue, [UInt8(truncatingIfNeeded: file)])
        }
    }
}
