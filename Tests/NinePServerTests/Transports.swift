import ByteStream
import CLinux
import NineP
import NinePConformance
import NinePServer
import Synchronization
import SystemIO
import SystemPackage
import TestSupport

/// A carrier without a kernel: the service's replies gather in an array, in order.
final class MemoryTransport: Transport, StreamConnection, @unchecked Sendable {
    // Used by one thread only.
    private var handler: (any StreamHandler)?
    private var messages: [[UInt8]] = []
    private var held: [OutgoingMessage] = []
    /// While true, replies stay undelivered, as with a client that does not read.
    var isHolding = false
    private(set) var isClosed = false
    private(set) var resumeCount = 0
    let peerDescription = "memory"

    init?(_ service: some StreamService) {
        guard let handler = service.accept(self) else { return nil }
        self.handler = handler
    }

    var queuedByteCount: Int { held.reduce(0) { $0 + $1.byteCount } }

    func send(_ message: OutgoingMessage) {
        if isHolding { held.append(message) } else { deliver(message) }
    }

    private func deliver(_ message: OutgoingMessage) {
        var bytes = Array(message.buffer.bytes)
        if let file = message.file {
            var data = [UInt8](repeating: 0, count: file.count)
            _ = pread(file.file.rawValue, &data, file.count, off_t(file.offset))
            bytes += data
        }
        messages.append(bytes)
        message.buffer.recycle()
    }

    func releaseHeld() {
        isHolding = false
        for message in held { deliver(message) }
        held = []
    }

    func resume() { resumeCount += 1 }

    func close() {
        isClosed = true
        end()
    }

    func end() {
        handler?.closed()
        handler = nil
    }

    /// Offers bytes; returns how many were taken.
    func offer(_ bytes: [UInt8]) -> Int { bytes.withUnsafeBytes { handler?.received($0) ?? 0 } }

    func send(_ bytes: [UInt8]) { _ = offer(bytes) }

    func receive() -> [UInt8]? { messages.isEmpty ? nil : messages.removeFirst() }

    var waitingMessageCount: Int { messages.count }
}

enum TransportKind: String, CaseIterable, Sendable {
    case memory, unix
}

/// A service, reached by either kind of carrier; ends with its last reference.
final class TestServer {
    let service: NinePService
    private let listener: SocketListener?
    private let folder = try! ScratchFolder()
    private let kind: TransportKind

    init(
        _ kind: TransportKind,
        _ exports: [(name: String, export: any Export)],
        limits: Limits = Limits(),
        observer: (any NinePObserver)? = nil
    ) throws {
        self.kind = kind
        clinux_ignore_signal(SIGPIPE)
        service = NinePService(
            exports: ExportTable(exports),
            limits: limits,
            observer: RefusalCheck(next: observer)
        )
        guard kind == .unix else {
            listener = nil
            return
        }
        let listener = try SocketListener(service: service, threads: 2)
        try listener.listen(.unix(FilePath(folder.file("9p.sock"))))
        self.listener = listener
    }

    deinit { listener?.stop() }

    var path: String { folder.file("9p.sock") }

    /// A client that has connected, no more.
    func connect() throws -> TestClient {
        let transport: any Transport
        switch kind {
        case .memory:
            guard let memory = MemoryTransport(service) else { throw BrokenReply() }
            transport = memory
        case .unix: transport = try SocketTransport(unix: path)
        }
        let client = TestClient(transport)
        client.server = self
        return client
    }

    /// A client with the root of the first export as fid 0.
    func attach(messageSize: UInt32 = 65_536) throws -> TestClient {
        let client = try connect()
        try client.version(messageSize)
        try client.attach(0)
        return client
    }
}

extension TestTree {
    func export(descriptors: Int? = nil) throws -> HostTree {
        try HostTree(path: FilePath(folder.path), budget: DescriptorBudget(limit: descriptors))
    }
}
