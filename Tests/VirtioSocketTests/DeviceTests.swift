import ByteStream
import CLinux
import Synchronization
import SystemIO
import SystemPackage
import TestSupport
import Testing

@testable import VirtioSocket
@testable import VirtioSocketFuzzing

@Suite("The device on its socket", .timeLimit(.minutes(1)))
struct DeviceTests {
    typealias Operation = VsockHeader.Operation

    /// A started device with an echo service on port 7, and its events.
    final class Fixture {
        let folder: ScratchFolder
        let path: String
        let device: VsockDevice
        let service: RecordingService
        let events: Events

        final class Events: Sendable {
            private let list = Mutex<[VsockEvent]>([])
            var all: [VsockEvent] { list.withLock { $0 } }
            func add(_ event: VsockEvent) { list.withLock { $0.append(event) } }
            /// Waits at most two seconds.
            func wait(for event: VsockEvent, count: Int = 1) -> Bool {
                for _ in 0..<1000 {
                    if all.filter({ $0 == event }).count >= count { return true }
                    usleep(2000)
                }
                return false
            }
        }

        init(behaviour: RecordingHandler.Behaviour = .echo) throws {
            folder = try ScratchFolder()
            path = folder.file("vsock")
            service = RecordingService(behaviour: behaviour)
            device = try VsockDevice(
                socketPath: FilePath(path),
                guestCID: EngineFixture.cid,
                services: [7: service]
            )
            let events = Events()
            self.events = events
            device.setEventHandler { events.add($0) }
            try device.start()
        }

        deinit { device.stop() }

        func frontend() throws -> MockFrontend {
            let guest = try GuestSimulator(queueSize: 16)
            guest.postReceiveBuffers(16)
            return try MockFrontend(socketPath: path, guest: guest)
        }

        func connect(_ frontend: MockFrontend) throws -> RecordingHandler {
            let packets = frontend.exchange(EngineFixture.header(Operation.request))
            #expect(packets.map(\.header.operation) == [Operation.response])
            return try #require(service.handlers.last)
        }
    }

    @Test("Handshake, echo through kicks and interrupts, events, and an end")
    func wholeLife() throws {
        let fixture = try Fixture()
        var status = stat()
        #expect(stat(fixture.path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        let handler: RecordingHandler
        do {
            let frontend = try fixture.frontend()
            // The CID is asked for before the driver starts.
            let configuration = try frontend.ask(
                24,
                VhostUserMessageTests.bytes(0, prefix: [0, 8, 0])
            )
            #expect(configuration == VhostUserMessageTests.bytes(42, prefix: [0, 8, 0]))
            try frontend.start()
            #expect(fixture.events.wait(for: .driverReady))
            handler = try fixture.connect(frontend)
            for round in UInt8(0)..<100 {
                let data = EngineFixture.header(Operation.readWrite)
                let packets = frontend.exchange(data, [round, 1, 2])
                #expect(packets.map(\.payload) == [[round, 1, 2]])
            }
        }
        #expect(fixture.events.wait(for: .frontendGone))
        #expect(handler.closedCount == 1)
        #expect(fixture.events.all == [.connected, .driverReady, .frontendGone])
    }

    @Test("A second frontend is served after the first; memory and queues are new")
    func reconnect() throws {
        let fixture = try Fixture()
        for round in 1...3 {
            let frontend = try fixture.frontend()
            try frontend.start()
            _ = try fixture.connect(frontend)
            #expect(fixture.events.wait(for: .connected, count: round))
        }
        #expect(fixture.events.wait(for: .frontendGone, count: 3))
        #expect(fixture.service.handlers.map(\.closedCount) == [1, 1, 1])
    }

    @Test("Stopping closes every connection and removes the socket")
    func stop() throws {
        let fixture = try Fixture()
        let frontend = try fixture.frontend()
        try frontend.start()
        let handler = try fixture.connect(frontend)
        fixture.device.stop()
        #expect(handler.closedCount == 1)
        #expect(access(fixture.path, F_OK) != 0)
        #expect(throws: (any Error).self) { try fixture.frontend() }
        fixture.device.stop()
    }

    @Test("A device that was never started stops, and its path is free again")
    func unstarted() throws {
        let folder = try ScratchFolder()
        for _ in 0..<2 {
            let device = try VsockDevice(
                socketPath: FilePath(folder.file("vsock")),
                guestCID: 3,
                services: [:]
            )
            #expect(throws: VsockError.self) {
                try VsockDevice(
                    socketPath: FilePath(folder.file("vsock")),
                    guestCID: 3,
                    services: [:]
                )
            }
            device.stop()
        }
    }

    @Test("Services send, resume and close from other threads")
    func otherThreads() throws {
        let fixture = try Fixture(behaviour: .slow)
        let frontend = try fixture.frontend()
        try frontend.start()
        let handler = try fixture.connect(frontend)
        let data = EngineFixture.header(Operation.readWrite)
        frontend.guest.send(data, [1, 2, 3])
        frontend.kicks[1].signal()
        let sender = try Thread(name: "sender") {
            handler.grant(3)
            handler.connection.resume()
            for byte in UInt8(0)..<50 { handler.connection.send(Messages.message([byte])) }
            handler.connection.close()
        }
        sender.join()
        var payload: [UInt8] = []
        var isShut = false
        for _ in 0..<1000 where !isShut {
            for packet in frontend.guest.takeReceived() {
                payload += packet.payload
                isShut = isShut || packet.header.operation == Operation.shutdown
                frontend.guest.postReceiveBuffers(1)
            }
            frontend.kicks[0].signal()
            usleep(1000)
        }
        #expect(isShut)
        #expect(payload == Array(0..<50))
        #expect(handler.bytes == [1, 2, 3])
    }

    @Test("Stopping and starting queues at their position keeps connections; a new driver has none")
    func pause() throws {
        let fixture = try Fixture()
        let frontend = try fixture.frontend()
        try frontend.start()
        let handler = try fixture.connect(frontend)
        var bases: [UInt32] = []
        for index in UInt32(0)..<2 {
            let reply = try frontend.ask(11, VhostUserMessageTests.bytes(prefix: [index, 0]))
            bases.append(
                try #require(LittleEndianReader(bytes: reply).integer(at: 4, as: UInt32.self))
            )
        }
        #expect(bases == [1, 1])
        for index in 0..<2 { try frontend.startQueue(index, base: bases[index]) }
        let packets = frontend.exchange(EngineFixture.header(Operation.readWrite), [5])
        #expect(packets.map(\.payload) == [[5]])
        #expect(handler.closedCount == 0)
        try frontend.send(10, VhostUserMessageTests.bytes(prefix: [1, 0]))
        _ = try frontend.ask(1)
        #expect(handler.closedCount == 1)
    }

    @Test("A new memory table while running: the rings go on in it")
    func remap() throws {
        let fixture = try Fixture()
        let frontend = try fixture.frontend()
        try frontend.start()
        _ = try fixture.connect(frontend)
        try frontend.sendMemoryTable()
        let reply = try frontend.reply()
        #expect(reply.header.flags == 5 && reply.payload == VhostUserMessageTests.bytes(0))
        let packets = frontend.exchange(EngineFixture.header(Operation.readWrite), [5])
        #expect(packets.map(\.payload) == [[5]])
    }

    @Test("What cannot be done is refused with a non-zero acknowledgement")
    func refusal() throws {
        let fixture = try Fixture()
        let frontend = try fixture.frontend()
        try frontend.send(16, VhostUserMessageTests.bytes(FrontendSession.offeredProtocolFeatures))
        let region = VhostUserMessageTests.bytes(0, UInt64(9 << 20), 0, 0, prefix: [1, 0])
        let file = frontend.guest.file.rawValue
        let attempts: [(UInt32, [UInt8], [CInt])] = [
            (5, region, [file]),  // longer than its file
            (5, region, []),  // without its file
            (2, VhostUserMessageTests.bytes(1 << 34), []),  // a feature not offered
            (8, VhostUserMessageTests.bytes(prefix: [0, 100]), []),  // not a power of two
            (12, VhostUserMessageTests.bytes(0x100), []),  // polling is not supported
            (21, [], []),  // a channel without its descriptor
            (99, [], []),
        ]
        for (request, payload, files) in attempts {
            try frontend.send(request, flags: 9, payload, files: files)
            let reply = try frontend.reply()
            #expect(reply.header == VhostUserHeader(request: request, flags: 5, size: 8))
            #expect(reply.payload == VhostUserMessageTests.bytes(1))
        }
        let errors = fixture.events.all.filter {
            if case .protocolError = $0 { true } else { false }
        }
        #expect(errors.count == attempts.count)
    }

    @Test("Messages may come in pieces; nonsense ends the connection, not the device")
    func pieces() throws {
        let fixture = try Fixture()
        do {
            let frontend = try fixture.frontend()
            for byte in VhostUserMessageTests.bytes(prefix: [17, 1, 0]) {
                try frontend.sendRaw([byte])
                usleep(1000)
            }
            #expect(try frontend.reply().payload == VhostUserMessageTests.bytes(3))
            try frontend.sendRaw([UInt8](repeating: 0xff, count: 12))
            #expect(throws: MockFrontend.Failure.closed) { try frontend.reply() }
        }
        let next = try fixture.frontend()
        try next.start()
        _ = try fixture.connect(next)
    }
}
