import ByteStream
import CLinux
import FuzzSupport
import Synchronization
import SystemIO
import SystemPackage

@testable import VirtioSocket

/// Turns any input into the life of a virtio socket device with a hostile guest, and perhaps a
/// hostile frontend.
package final class VsockFuzzer {
    package private(set) var inputs = 0
    /// Packets and messages that were sent to the device.
    package private(set) var steps = 0
    /// Inputs whose guest broke a ring.
    package private(set) var brokenRings = 0

    private let guest: GuestSimulator
    private let pattern: SharedFD
    private let countsDescriptors: Bool

    /// - Parameter countsDescriptors: whether a descriptor that is left open is a violation: not
    ///   where other threads of the process open some.
    package init(countsDescriptors: Bool = true) throws {
        self.countsDescriptors = countsDescriptors
        clinux_ignore_signal(SIGPIPE)
        guest = try GuestSimulator(queueSize: 16)
        pattern = try FuzzService.patternFile()
    }

    package func run(_ input: UnsafeRawBufferPointer) throws(Violation) {
        inputs += 1
        let before = Self.lowestDescriptor()
        guest.clear()
        var choices = Choices(input)
        let service = FuzzService(pattern: pattern)
        do {
            if choices.oneIn(2) {
                try device(service, &choices)
            } else {
                try engine(service, &choices)
            }
        } catch let violation as Violation {
            throw violation
        } catch {
            throw Violation("no resources: \(error)")
        }
        if let violation = service.violation { throw Violation(violation) }
        try require(service.handlers.isEmpty, "handlers that were never closed")
        let left = service.outstanding.load(ordering: .relaxed)
        try require(left == 0, "\(left) buffers did not come back")
        try require(
            !countsDescriptors || Self.lowestDescriptor() == before,
            "a descriptor is left open"
        )
    }

    private static func lowestDescriptor() -> CInt {
        let number = dup(0)
        close(number)
        return number
    }

    // MARK: The engine alone, with limits that are met

    private func engine(_ service: FuzzService, _ choices: inout Choices) throws {
        var limits = VsockEngine.Limits()
        limits.connections = 3
        limits.allocation = 5000
        limits.replies = 8
        limits.starvationDelay = choices.oneIn(2) ? 0 : .max
        limits.resetDelay = choices.oneIn(2) ? 0 : .max
        let engine = VsockEngine(
            guestCID: GuestActions.cid,
            services: [7: service],
            mailbox: Mailbox(wake: try EventFD()),
            limits: limits,
            interrupt: { _ in }
        )
        engine.memory = guest.memory()
        var actions = GuestActions(guest)
        let hasEventIndex = choices.oneIn(2)
        func start() {
            guest.clear()
            guest.postReceiveBuffers(choices.below(17))
            engine.receiveQueue = guest.queue(guest.receive, hasEventIndex: hasEventIndex)
            engine.transmitQueue = guest.queue(guest.transmit, hasEventIndex: hasEventIndex)
        }
        start()
        defer { engine.closeAll() }
        for _ in 0..<(20 + choices.below(60)) {
            steps += 1
            if choices.oneIn(4) { act(service, &choices) } else { actions.act(&choices) }
            if choices.oneIn(16) { engine.tick() }
            do {
                try drain { try engine.run() }
                try actions.take()
            } catch is RingError {
                try require(!actions.isIntact, "a good ring is called broken")
                brokenRings += 1
                engine.closeAll()
                actions.reset()
                start()
            }
            try require(engine.streams.count <= limits.connections, "too many connections")
            try require(engine.replies.count <= limits.replies + 16, "too many replies")
        }
    }

    /// Until the device comes to rest.
    private func drain(_ run: () throws -> Bool) throws {
        for _ in 0..<2000 { if try !run() { return } }
        throw Violation("the device does not come to rest")
    }

    /// What the services do of their own accord.
    private func act(_ service: FuzzService, _ choices: inout Choices) {
        let handlers = service.handlers
        guard !handlers.isEmpty else { return }
        let handler = choices.pick(handlers)
        switch choices.below(8) {
        case 0: handler.connection.close()
        case 1, 2: handler.grant(choices.below(8000))
        case 3, 4: handler.send(inMemory: choices.below(6000), inFile: 0)
        default: handler.send(inMemory: choices.below(50), inFile: choices.below(30_000))
        }
    }

    // MARK: The device behind its vhost-user socket

    private func device(_ service: FuzzService, _ choices: inout Choices) throws {
        var ends: [CInt] = [-1, -1]
        try syscall { socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) }
        let frontend = try FuzzFrontend(guest, socket: OwnedFD(ends[0]))
        let device = ActiveFrontend(
            channel: FrontendChannel(OwnedFD(ends[1])),
            guestCID: GuestActions.cid,
            services: [7: service],
            mailbox: Mailbox(wake: try EventFD()),
            events: EventSink()
        )
        defer { device.close() }
        guest.postReceiveBuffers(choices.below(17))
        if !choices.oneIn(8) {
            for message in frontend.start() {
                frontend.send(message.request, message.payload, message.files)
            }
            if try !listen(device, frontend) { return }
        }
        var actions = GuestActions(guest)
        for _ in 0..<(20 + choices.below(40)) {
            steps += 1
            switch choices.below(8) {
            case 0, 1:
                frontend.message(&choices)
                if try !listen(device, frontend) { return }
            case 2, 3: act(service, &choices)
            default: actions.act(&choices)
            }
            if choices.oneIn(16) { device.tick() }
            // The frontend may have started the queues anew, so that what they hold is not judged.
            try drain { device.run() }
            actions.skip()
        }
    }

    private func listen(
        _ device: ActiveFrontend,
        _ frontend: FuzzFrontend
    ) throws(Violation) -> Bool {
        let isAlive = device.handleMessages { _, _, _ in }
        try frontend.takeReplies()
        return isAlive
    }
}
