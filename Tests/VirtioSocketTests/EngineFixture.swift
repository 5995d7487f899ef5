import ByteStream
import CLinux
import Synchronization
import SystemIO
import SystemPackage
import Testing

@testable import VirtioSocket
@testable import VirtioSocketFuzzing

/// An engine with a simulated guest at its queues.
final class EngineFixture {
    static let cid: UInt64 = 42
    let guest: GuestSimulator
    let engine: VsockEngine
    let interrupts: Interrupts
    let service: RecordingService

    final class Interrupts {
        var counts = [0, 0, 0]
    }

    init(
        limits: VsockEngine.Limits = VsockEngine.Limits(),
        queueSize: UInt16 = 16,
        hasEventIndex: Bool = true,
        receiveBuffers: Int? = nil,
        behaviour: RecordingHandler.Behaviour = .echo
    ) throws {
        let interrupts = Interrupts()
        self.interrupts = interrupts
        guest = try GuestSimulator(queueSize: queueSize)
        service = RecordingService(behaviour: behaviour)
        engine = VsockEngine(
            guestCID: Self.cid,
            services: [7: service],
            mailbox: Mailbox(wake: try EventFD()),
            limits: limits,
            interrupt: { interrupts.counts[$0] += 1 }
        )
        guest.postReceiveBuffers(receiveBuffers ?? Int(queueSize))
        engine.memory = guest.memory()
        engine.receiveQueue = guest.queue(guest.receive, hasEventIndex: hasEventIndex)
        engine.transmitQueue = guest.queue(guest.transmit, hasEventIndex: hasEventIndex)
    }

    /// A packet from the guest to a port of the host.
    static func header(
        _ operation: UInt16,
        port: UInt32 = 7,
        guestPort: UInt32 = 1000,
        flags: UInt32 = 0,
        allocation: UInt32 = 1 << 18,
        forwarded: UInt32 = 0
    ) -> VsockHeader {
        VsockHeader(
            sourceCID: cid,
            destinationCID: 2,
            sourcePort: guestPort,
            destinationPort: port,
            operation: operation,
            flags: flags,
            bufferAllocation: allocation,
            forwardedCount: forwarded
        )
    }

    /// Runs the engine until it has nothing more to do.
    func run() throws {
        for _ in 0..<1000 { if try !engine.run() { return } }
        Issue.record("the engine does not come to rest")
    }

    /// Sends, runs, and returns what the guest got, giving the buffers back.
    func exchange(
        _ header: VsockHeader,
        _ payload: [UInt8] = []
    ) throws -> [(header: VsockHeader, payload: [UInt8])] {
        guest.send(header, payload)
        try run()
        return receive()
    }

    func receive() -> [(header: VsockHeader, payload: [UInt8])] {
        let packets = guest.takeReceived()
        guest.postReceiveBuffers(packets.count)
        return packets
    }

    /// Connects from `guestPort`.
    func connect(guestPort: UInt32 = 1000, allocation: UInt32 = 1 << 18) throws -> RecordingHandler
    {
        let packets = try exchange(
            Self.header(
                VsockHeader.Operation.request,
                guestPort: guestPort,
                allocation: allocation
            )
        )
        #expect(packets.first?.header.operation == VsockHeader.Operation.response)
        return try #require(service.handlers.last)
    }
}

/// Accepts everything and remembers its handlers.
final class RecordingService: StreamService, Sendable {
    private let list = Mutex<[RecordingHandler]>([])
    private let behaviour: RecordingHandler.Behaviour

    init(behaviour: RecordingHandler.Behaviour) { self.behaviour = behaviour }

    var handlers: [RecordingHandler] { list.withLock { $0 } }

    func accept(_ connection: any StreamConnection) -> (any StreamHandler)? {
        if behaviour == .refuse { return nil }
        let handler = RecordingHandler(connection, behaviour)
        list.withLock { $0.append(handler) }
        return handler
    }
}

/// Remembers what it is told.
final class RecordingHandler: StreamHandler, Sendable {
    enum Behaviour {
        case echo
        case swallow
        case refuse
        /// Takes only what `grant` has allowed.
        case slow
    }

    let connection: any StreamConnection
    private let behaviour: Behaviour
    private struct State {
        var bytes: [UInt8] = []
        var closedCount = 0
        var grant = 0
    }
    private let state = Mutex(State())

    init(_ connection: any StreamConnection, _ behaviour: Behaviour) {
        self.connection = connection
        self.behaviour = behaviour
    }

    var bytes: [UInt8] { state.withLock { $0.bytes } }
    var closedCount: Int { state.withLock { $0.closedCount } }
    func grant(_ count: Int) { state.withLock { $0.grant += count } }

    func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        let count = state.withLock { state in
            let count = behaviour == .slow ? min(state.grant, bytes.count) : bytes.count
            state.grant -= behaviour == .slow ? count : 0
            state.bytes.append(contentsOf: bytes.prefix(count))
            return count
        }
        if behaviour == .echo { connection.send(Messages.message(Array(bytes))) }
        return count
    }

    func closed() { state.withLock { $0.closedCount += 1 } }
}

enum Messages {
    static func message(
        _ bytes: [UInt8],
        pool: MessageBufferPool? = nil,
        file: FileSlice? = nil
    ) -> OutgoingMessage {
        let buffer = pool?.take() ?? MessageBuffer(capacity: bytes.count)
        buffer.whole.copyBytes(from: bytes)
        buffer.count = bytes.count
        return OutgoingMessage(buffer, file: file)
    }

    /// A file with these bytes, in memory.
    static func file(_ bytes: [UInt8]) throws -> SharedFD {
        let raw = try syscall { memfd_create("file", UInt32(MFD_CLOEXEC)) }
        _ = bytes.withUnsafeBytes { pwrite(raw, $0.baseAddress, $0.count, 0) }
        return SharedFD(OwnedFD(raw))
    }

    /// Bytes that show a shift or a swap.
    static func pattern(_ count: Int) -> [UInt8] { Array(source.prefix(count)) }

    private static let source = (0..<(1 << 17)).map {
        UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8)
    }
}
