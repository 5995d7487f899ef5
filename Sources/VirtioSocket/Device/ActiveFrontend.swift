import ByteStream
import CLinux
import SystemIO
import SystemPackage

/// A connected frontend with its session and engine. Used on the device's thread only.
final class ActiveFrontend {
    private let channel: FrontendChannel
    private let events: EventSink
    private let calls: CallDescriptors
    private let engine: VsockEngine
    private var session: FrontendSession
    private var watched = [SharedFD?](repeating: nil, count: VsockEngine.queueCount)
    private var isReady = false

    /// Called with a queue, the kick descriptor watched so far and the one to watch.
    typealias Watch = (_ queue: Int, _ old: SharedFD?, _ new: SharedFD?) -> Void

    /// Where interrupts go; apart, so that the engine does not hold the frontend.
    private final class CallDescriptors {
        var files = [SharedFD?](repeating: nil, count: VsockEngine.queueCount)

        func interrupt(_ queue: Int) {
            guard let file = files[queue] else { return }
            // A full counter interrupts already; a frontend that is gone is noticed elsewhere.
            _ = eventfd_write(file.rawValue, 1)
        }
    }

    init(
        channel: FrontendChannel,
        guestCID: UInt64,
        services: [UInt32: any StreamService],
        mailbox: Mailbox,
        events: EventSink
    ) {
        self.channel = channel
        self.events = events
        let calls = CallDescriptors()
        self.calls = calls
        session = FrontendSession(guestCID: guestCID)
        engine = VsockEngine(
            guestCID: guestCID,
            services: services,
            mailbox: mailbox,
            interrupt: { calls.interrupt($0) },
            report: { events.report(.hostError($0)) }
        )
    }

    var rawValue: CInt { channel.rawValue }
    var sleepLimit: CInt { engine.sleepLimit }

    func tick() { engine.tick() }

    /// - Returns: whether there is more to do at once.
    func run() -> Bool {
        do {
            return try engine.run()
        } catch {
            // As with a broken device: the driver has to be reset.
            events.report(.protocolError("virtqueue: \(error)"))
            engine.receiveQueue = nil
            engine.transmitQueue = nil
            engine.closeAll()
            return false
        }
    }

    func close() { engine.closeAll() }

    /// Handles all messages that have come.
    /// - Returns: false when the frontend is gone or not to be understood.
    func handleMessages(_ watch: Watch) -> Bool {
        do throws(FrontendChannel.Failure) {
            while let message = try channel.next() { try handle(message, watch) }
            return true
        } catch {
            switch error {
            case .closed: break
            case .socket(let error):
                events.report(.protocolError("vhost-user socket: \(error)"))
            case .message(let error): events.report(.protocolError("vhost-user: \(error)"))
            }
        }
        for queue in watched.indices { watch(queue, watched[queue], nil) }
        return false
    }

    private func handle(
        _ message: FrontendChannel.Message,
        _ watch: Watch
    ) throws(FrontendChannel.Failure) {
        let request = message.header.request
        let reply: [UInt8]?
        do throws(VhostUserError) {
            let decoded = try FrontendMessage(
                request: request,
                payload: message.payload,
                queueCount: VsockEngine.queueCount
            )
            let (payload, effect) = try session.handle(decoded, files: message.files) { queue in
                position(queue)
            }
            try carryOut(effect)
            for queue in session.vrings.indices {
                calls.files[queue] = session.vrings[queue].call
                watch(queue, watched[queue], session.vrings[queue].kick)
                watched[queue] = session.vrings[queue].kick
            }
            reply = payload
        } catch {
            // Only a message that waits for a reply of its own leaves the two out of step.
            guard !FrontendMessage.hasReply(request: request) else { throw .message(error) }
            events.report(.protocolError("vhost-user: \(error)"))
            return try acknowledge(message.header, isDone: false)
        }
        if let reply {
            try channel.send(VhostUserHeader.reply(to: request, payload: reply))
        } else {
            try acknowledge(message.header, isDone: true)
        }
    }

    private func acknowledge(
        _ header: VhostUserHeader,
        isDone: Bool
    ) throws(FrontendChannel.Failure) {
        guard header.needsReply,
            session.protocolFeatures & VhostUser.ProtocolFeature.replyAcknowledgement != 0
        else { return }
        var payload: [UInt8] = []
        payload.appendLittleEndian(UInt64(isDone ? 0 : 1))
        try channel.send(VhostUserHeader.reply(to: header.request, payload: payload))
    }

    private func position(_ queue: Int) -> UInt16? {
        switch queue {
        case VsockEngine.receiveIndex: engine.receiveQueue?.nextAvailable
        case VsockEngine.transmitIndex: engine.transmitQueue?.nextAvailable
        default: nil
        }
    }

    private func carryOut(_ effect: FrontendSession.Effect?) throws(VhostUserError) {
        switch effect {
        case nil: break
        case .start(let queue): try setQueue(queue)
        case .stop(let queue):
            if queue == VsockEngine.transmitIndex { engine.publishTransmitted() }
            try setQueue(queue)
        case .reset: engine.closeAll()
        case .remap:
            // Queues point into the old mappings: make them anew before those go.
            let positions = session.vrings.indices.map(position)
            engine.publishTransmitted()
            for (queue, position) in positions.enumerated() {
                if let position { session.vrings[queue].base = position }
            }
            engine.receiveQueue = nil
            engine.transmitQueue = nil
            engine.memory = session.memory
            for queue in session.vrings.indices { try setQueue(queue) }
        }
    }

    private func setQueue(_ index: Int) throws(VhostUserError) {
        if let position = position(index) { session.vrings[index].base = position }
        switch index {
        case VsockEngine.receiveIndex:
            engine.receiveQueue = try session.makeQueue(index)
            // A queue that starts anew owes nothing to what was asked of the old one.
            engine.starvation = nil
        case VsockEngine.transmitIndex: engine.transmitQueue = try session.makeQueue(index)
        default: break
        }
        let isReady = engine.receiveQueue != nil && engine.transmitQueue != nil
        if isReady, !self.isReady { events.report(.driverReady) }
        self.isReady = isReady
    }
}
