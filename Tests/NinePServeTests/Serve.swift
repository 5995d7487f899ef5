import CLinux
import Foundation
import NinePConformance
import SystemIO
import SystemPackage
import TestSupport
import Testing

/// All tests of the program `ninep-serve`. One at a time: each waits for a process.
@Suite(.serialized, .timeLimit(.minutes(5)))
enum NinePServeTests {}

/// `ninep-serve` itself, as the build has put it beside the tests.
final class Serve {
    private let command: RunningCommand

    static func program() throws -> String {
        FilePath(try symlinkTarget("/proc/self/exe")).removingLastComponent()
            .appending("ninep-serve").string
    }

    struct DidNotStart: Error, CustomStringConvertible { let description: String }

    /// A server that listens, on as many addresses as `listeners` has.
    init(_ arguments: [String], listen listeners: [String]) throws {
        let places = listeners.flatMap { ["--listen", $0] }
        command = try RunningCommand([try Self.program()] + arguments + places)
        let isReady = eventually {
            !command.isRunning || said("listening on ") == listeners.count
        }
        guard isReady, command.isRunning else {
            command.signal(SIGKILL)
            throw DidNotStart(description: command.wait().errors)
        }
    }

    deinit {
        if command.isRunning { command.signal(SIGKILL) }
    }

    /// One that is expected to end by itself.
    static func run(_ arguments: [String]) throws -> CommandResult {
        try runCommand(["timeout", "-k", "1", "20", try program()] + arguments)
    }

    /// What it has said on standard error.
    var errors: String { command.errorsSoFar() }
    var processID: Int32 { command.processID }

    /// How often it has said so.
    func said(_ text: String) -> Int { errors.components(separatedBy: text).count - 1 }

    func signal(_ number: Int32) { command.signal(number) }

    @discardableResult
    func end(_ number: Int32 = SIGTERM) -> CommandResult {
        command.signal(number)
        return command.wait()
    }
}

/// Whether that becomes true within ten seconds.
func eventually(_ condition: () -> Bool) -> Bool {
    for _ in 0..<1000 {
        if condition() { return true }
        usleep(10_000)
    }
    return false
}

/// A client on a unix socket with the root of an export as fid 0.
func attached(_ socket: String, _ name: String = "") throws -> TestClient {
    // A server that has ended is an error.
    clinux_ignore_signal(SIGPIPE)
    let client = TestClient(try SocketTransport(unix: socket))
    try client.version()
    try client.attach(0, name)
    return client
}

/// A whole file of an export.
func contents(_ client: TestClient, _ names: String...) throws -> String {
    try client.walk(0, 99, bytes: names.map { Array($0.utf8) })
    try client.open(99)
    defer { try? client.clunk(99) }
    return String(decoding: try client.readAll(99), as: UTF8.self)
}

/// A port of the loopback interface that nobody has at this moment.
func freePort() -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            _ = bind(descriptor, __CONST_SOCKADDR_ARG(__sockaddr__: $0), size)
            _ = getsockname(descriptor, __SOCKADDR_ARG(__sockaddr__: $0), &size)
        }
    }
    return UInt16(bigEndian: address.sin_port)
}
