import ArgumentParser
import CLinux
import SystemIO
import SystemPackage

/// `ninep-bench`: loads a 9P server and prints one line of JSON a workload.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ninep-bench",
        abstract: "Measures a 9P2000.L server on a unix socket.",
        discussion: """
            The list has one path a line, below the export. What is read is summed, so that two \
            servers' answers can be compared.
            """
    )

    @Option(help: "The server's socket.") var socket: String
    @Option(help: "The export's name.") var aname: String
    @Option(help: "The server's process, for its CPU time.") var pid: Int32
    @Option(help: "File with the files' paths.") var files: String
    @Option(help: "File with the folders' paths.") var folders: String
    @Option(help: "A large file, below the export.") var large: String
    @Option(help: "Message size in bytes.") var msize: UInt32 = 65_536
    @Option(help: "Connections.") var connections = 4
    @Option(help: "Outstanding requests of a connection.") var depth = 32
    @Option(help: "Times each workload runs; the fastest counts.") var rounds = 3
    @Option(help: "A label for the output.") var label: String

    func run() throws {
        clinux_ignore_signal(SIGPIPE)
        let files = try paths(files)
        let folders = try paths(folders)
        let large = large.split(separator: "/").map { Array($0.utf8) }
        let workloads: [Workload] = [
            .sequential(large), .smallFiles(files), .walkAndStat(files), .listing(folders),
        ]
        for workload in workloads {
            var best: Measurement?
            for _ in 0..<rounds {
                let measured = try measure(workload)
                if measured.seconds < best?.seconds ?? .infinity { best = measured }
            }
            if let best { print(best.json(label: label, workload: workload.name, msize: msize)) }
        }
    }

    private func measure(_ workload: Workload) throws -> Measurement {
        let driver = try LoadDriver(
            socket: FilePath(socket),
            attachName: aname,
            messageSize: msize,
            connections: connections,
            depth: depth,
            workload: workload
        )
        let before = (server: try processTime(pid), own: try processTime(getpid()))
        let start = monotonicSeconds()
        try driver.run()
        let seconds = monotonicSeconds() - start
        let after = (server: try processTime(pid), own: try processTime(getpid()))
        return Measurement(
            seconds: seconds,
            operations: driver.operations,
            bytes: driver.byteCount,
            sum: driver.sum,
            serverSeconds: after.server - before.server,
            clientSeconds: after.own - before.own
        )
    }

    private func paths(_ file: String) throws -> [[[UInt8]]] {
        try readFile(FilePath(file)).split(separator: UInt8(ascii: "\n")).map { line in
            line.split(separator: UInt8(ascii: "/")).map(Array.init)
        }
    }
}

/// What one run of a workload took.
struct Measurement {
    let seconds: Double
    let operations: Int
    let bytes: Int
    let sum: UInt64
    /// User and system time.
    let serverSeconds: Double
    let clientSeconds: Double

    func json(label: String, workload: String, msize: UInt32) -> String {
        let perOperation = serverSeconds / Double(max(operations, 1)) * 1e6
        return """
            {"server":"\(label)","workload":"\(workload)","msize":\(msize),\
            "seconds":\(round(seconds)),"operations":\(operations),"bytes":\(bytes),\
            "sum":\(sum),"operationsPerSecond":\(Int(Double(operations) / seconds)),\
            "megabytesPerSecond":\(round(Double(bytes) / seconds / 1e6)),\
            "serverMicrosecondsPerOperation":\(round(perOperation)),\
            "clientCPUShare":\(round(clientSeconds / seconds))}
            """
    }

    private func round(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
}

/// User and system time of a process in seconds (proc(5), stat, fields 14 and 15).
func processTime(_ pid: Int32) throws -> Double {
    let text = String(decoding: try readFile(FilePath("/proc/\(pid)/stat")), as: UTF8.self)
    guard let end = text.lastIndex(of: ")") else { throw Errno.noSuchProcess }
    let fields = text[end...].split(separator: " ")
    guard fields.count > 12, let user = Double(fields[12]), let system = Double(fields[13]) else {
        throw Errno.noSuchProcess
    }
    return (user + system) / Double(sysconf(CInt(_SC_CLK_TCK)))
}
