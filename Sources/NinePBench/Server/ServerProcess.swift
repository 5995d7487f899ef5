import CLinux
import Glibc
import SystemIO
import SystemPackage

/// A server that is measured, on a unix socket of its own.
struct ServerProcess {
    let label: String
    let socket: FilePath
    /// What a client attaches to.
    let attachName: String
    private let child: ChildProcess

    /// Our own server, from beside this program.
    /// - Parameter source: as `ninep-serve --export` takes it.
    static func ours(exporting source: String, in folder: FilePath) throws -> ServerProcess {
        let socket = folder.appending("ninep-serve.sock")
        let program = try programFolder().appending("ninep-serve")
        return try ServerProcess(
            "ninep-serve",
            program,
            ["--export", "tree=\(source)", "--listen", "unix:\(socket)"],
            socket: socket,
            attachName: "tree"
        )
    }

    /// Debian's diod, without authentication, in the foreground.
    static func diod(exporting tree: FilePath, in folder: FilePath) throws -> ServerProcess {
        let program = FilePath("/usr/sbin/diod")
        guard fileExists(program) else {
            throw BenchFailure("diod is not installed: apt-get install diod")
        }
        guard let entry = unsafe getpwuid(geteuid()) else { throw BenchFailure("no user name") }
        let user = unsafe String(cString: entry.pointee.pw_name)
        let socket = folder.appending("diod.sock")
        return try ServerProcess(
            "diod",
            program,
            ["-f", "-n", "-N", "-S", "-U", user, "-l", socket.string, "-e", tree.string],
            socket: socket,
            attachName: tree.string
        )
    }

    private init(
        _ label: String,
        _ program: FilePath,
        _ arguments: [String],
        socket: FilePath,
        attachName: String
    ) throws {
        self.label = label
        self.socket = socket
        self.attachName = attachName
        let launcher = try symlinkTarget("/proc/self/exe")
        child = try ChildProcess.start(launcher: FilePath(launcher), program, arguments)
        for _ in 0..<500 {
            if (try? UnixSocket.connect(to: socket)) != nil { return }
            if let exit = child.wait(milliseconds: 10) {
                throw BenchFailure("\(label) ended at once: \(exit.description)")
            }
        }
        stop()
        throw BenchFailure("\(label) does not listen on \(socket)")
    }

    private static func programFolder() throws -> FilePath {
        FilePath(try symlinkTarget("/proc/self/exe")).removingLastComponent()
    }

    func stop() {
        child.signal(SIGTERM)
        if child.wait(milliseconds: 5000) == nil {
            child.signal(SIGKILL)
            _ = child.wait()
        }
    }

    /// User and system time of all its threads so far, in seconds. `clock_getcpuclockid`.
    func processorSeconds() throws -> Double {
        var clock: clockid_t = 0
        let code = unsafe clock_getcpuclockid(child.processID, &clock)
        guard code == 0 else { throw Errno(rawValue: code) }
        return seconds(of: clock)
    }

    /// Resident memory in bytes: all of it, and what is not a file's (proc(5), status).
    func residentMemory() throws -> (all: Int, anonymous: Int) {
        let path = FilePath("/proc/\(child.processID)/status")
        let text = String(decoding: try readFile(path), as: UTF8.self)
        func field(_ name: String) -> Int {
            for line in text.split(separator: "\n") where line.hasPrefix(name + ":") {
                let figure = line.split(whereSeparator: \.isWhitespace).dropFirst().first
                return (figure.flatMap { Int($0) } ?? 0) << 10
            }
            return 0
        }
        return (field("VmRSS"), field("RssAnon"))
    }

    func descriptorCount() throws -> Int {
        try directoryNames(FilePath("/proc/\(child.processID)/fd")).count
    }
}

/// What a clock says, in seconds.
func seconds(of clock: clockid_t) -> Double {
    var time = timespec()
    _ = unsafe clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
