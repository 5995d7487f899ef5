import CLinux
import FoundationEssentials
import SystemIO
import SystemPackage

/// QEMU's monitor, as far as a machine is saved and resumed by it (docs/interop/qmp-spec of QEMU): one
/// command at a time, each answered by a line of JSON.
final class QEMUMonitor {
    private let descriptor: SharedFD
    private let cancellation: Cancellation
    private var received: [UInt8] = []

    /// Seconds for an answer; saving and loading a machine without its memory take milliseconds.
    private static let limit = 30.0

    /// - Parameter descriptor: QEMU has connected to it, and is about to greet.
    init(_ descriptor: SharedFD, _ cancellation: Cancellation) throws(BuildError) {
        self.descriptor = descriptor
        self.cancellation = cancellation
        _ = try nextLine()
        try execute("qmp_capabilities")
    }

    /// Stops the machine, and saves it without its memory.
    func save(to state: SharedFD) throws(BuildError) {
        try execute("stop")
        try transfer("migrate", state)
    }

    /// Gives a machine that waits for it what `save` has written.
    /// - Parameter state: from where it is to be read; its position moves.
    func load(from state: SharedFD) throws(BuildError) {
        try transfer("migrate-incoming", state)
    }

    /// Attaches devices to a machine that stands still, and lets it run.
    func run(with devices: [[(String, JSONValue)]]) throws(BuildError) {
        for device in devices { try execute("device_add", device) }
        try execute("cont")
    }

    /// The memory stays in its file: `x-ignore-shared` has existed since QEMU 4.0, under that name.
    private func transfer(_ command: String, _ state: SharedFD) throws(BuildError) {
        let capability: JSONValue = .object([
            ("capability", .string("x-ignore-shared")), ("state", .boolean(true)),
        ])
        try execute("migrate-set-capabilities", [("capabilities", .array([capability]))])
        try execute("getfd", [("fdname", .string("state"))], passing: state)
        try execute(command, [("uri", .string("fd:state"))])
        let deadline = monotonicSeconds() + Self.limit
        while monotonicSeconds() < deadline {
            switch try execute("query-migrate") {
            case "completed": return
            case "failed", "cancelled": throw BuildError(.host, "QEMU could not \(command)")
            default: usleep(1000)
            }
        }
        throw BuildError(.host, "QEMU did not \(command) within \(Int(Self.limit)) s")
    }

    /// What QEMU answers; of an answer, only its status is of interest.
    private struct Line: Decodable {
        struct Answer: Decodable { var status: String? }
        struct Refusal: Decodable { var desc: String }
        var answer: Answer?
        var error: Refusal?
        private enum CodingKeys: String, CodingKey {
            case error
            case answer = "return"
        }
    }

    @discardableResult
    private func execute(
        _ command: String,
        _ arguments: [(String, JSONValue)] = [],
        passing file: SharedFD? = nil
    ) throws(BuildError) -> String? {
        let message: JSONValue = .object([
            ("execute", .string(command)), ("arguments", .object(arguments)),
        ])
        try send(Array(message.text.utf8), passing: file)
        while true {
            let bytes = try nextLine()
            guard let line = try? JSONDecoder().decode(Line.self, from: Data(bytes)) else {
                throw BuildError(.host, "QEMU's monitor: no JSON after \(command)")
            }
            if let error = line.error {
                throw BuildError(.host, "QEMU refuses \(command): \(error.desc)")
            }
            // Anything else is an event.
            if let answer = line.answer { return answer.status }
        }
    }

    private func send(_ bytes: [UInt8], passing file: SharedFD?) throws(BuildError) {
        let files = file.map { [$0.rawValue] } ?? []
        do throws(Errno) {
            let sent = try syscall {
                unsafe bytes.withUnsafeBytes { bytes in
                    unsafe files.withUnsafeBufferPointer {
                        unsafe clinux_send_fds(
                            descriptor.rawValue,
                            bytes.baseAddress,
                            bytes.count,
                            $0.baseAddress,
                            CInt($0.count),
                            0
                        )
                    }
                }
            }
            guard sent == bytes.count else { throw Errno.wouldBlock }
        } catch {
            throw BuildError(.host, "QEMU's monitor: \(error)")
        }
    }

    private func nextLine() throws(BuildError) -> [UInt8] {
        let deadline = monotonicSeconds() + Self.limit
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                defer { received.removeFirst(end + 1) }
                return Array(received[..<end])
            }
            let rest = CInt(max(0, (deadline - monotonicSeconds()) * 1000))
            let ready = pollReadable(
                [cancellation.descriptor, descriptor.rawValue],
                milliseconds: rest
            )
            if ready == 0 { try cancellation.check() }
            guard ready == 1 else { throw BuildError(.host, "QEMU's monitor does not answer") }
            let bytes: [UInt8]
            do throws(Errno) {
                bytes = try readSome(descriptor.rawValue, limit: 1 << 16)
            } catch .wouldBlock {
                continue
            } catch {
                throw BuildError(.host, "QEMU's monitor: \(error)")
            }
            if bytes.isEmpty { throw BuildError(.host, "QEMU closed its monitor") }
            received += bytes
        }
    }
}
