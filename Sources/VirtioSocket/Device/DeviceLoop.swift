import ByteStream
import CLinux
import Synchronization
import SystemIO
import SystemPackage

/// Whoever hears of the device's events.
final class EventSink: Sendable {
    private let handler = Mutex<(@Sendable (VsockEvent) -> Void)?>(nil)

    func set(_ new: @escaping @Sendable (VsockEvent) -> Void) { handler.withLock { $0 = new } }

    func report(_ event: VsockEvent) { handler.withLock { $0 }?(event) }
}

/// The device's thread: waits for its descriptors and drives the frontend's session and the engine.
final class DeviceLoop: Sendable {
    let events = EventSink()
    let mailbox: Mailbox
    private let wake: EventFD
    private let epoll: Epoll
    private let listener: OwnedFD
    private let guestCID: UInt64
    private let services: [UInt32: any StreamService]

    /// Tokens of the epoll set; kick descriptors follow from `kick` on.
    private enum Token {
        static let listener: UInt64 = 0
        static let wake: UInt64 = 1
        static let frontend: UInt64 = 2
        static let kick: UInt64 = 8
    }

    init(
        listener: consuming OwnedFD,
        guestCID: UInt64,
        services: [UInt32: any StreamService]
    ) throws(Errno) {
        wake = try EventFD()
        epoll = try Epoll()
        mailbox = Mailbox(wake: wake)
        self.listener = listener
        self.guestCID = guestCID
        self.services = services
        // Edge-triggered: nobody needs to read the counter.
        try epoll.add(wake.rawValue, EPOLLIN.rawValue | EPOLLET.rawValue, token: Token.wake)
    }

    /// Serves one frontend after another until the mailbox is stopped.
    func run() {
        while !mailbox.isStopped {
            guard let socket = awaitFrontend() else { continue }
            events.report(.connected)
            let frontend = ActiveFrontend(
                channel: FrontendChannel(socket),
                guestCID: guestCID,
                services: services,
                mailbox: mailbox,
                events: events
            )
            serve(frontend)
            frontend.close()
            events.report(.frontendGone)
        }
    }

    /// Waits for a frontend to connect; nil when woken for something else.
    private func awaitFrontend() -> OwnedFD? {
        do {
            try epoll.add(listener.rawValue, EPOLLIN.rawValue, token: Token.listener)
            defer { try? epoll.remove(listener.rawValue) }
            if mailbox.fallAsleep() { try epoll.wait { _, _ in } }
            return try UnixSocket.accept(listener.rawValue)
        } catch {
            if error != .wouldBlock { events.report(.protocolError("accept: \(error)")) }
            return nil
        }
    }

    private func serve(_ frontend: ActiveFrontend) {
        do {
            try epoll.add(frontend.rawValue, EPOLLIN.rawValue, token: Token.frontend)
            defer { try? epoll.remove(frontend.rawValue) }
            var hasMore = false
            while !mailbox.isStopped {
                let mayWait = !hasMore && mailbox.fallAsleep()
                var hasMessage = false
                let count = try epoll.wait(milliseconds: mayWait ? frontend.sleepLimit : 0) {
                    token,
                    _ in
                    if token == Token.frontend { hasMessage = true }
                }
                mailbox.wakeUp()
                if hasMessage {
                    guard frontend.handleMessages(watch) else { return }
                }
                if count == 0 && mayWait { frontend.tick() }
                hasMore = frontend.run()
            }
        } catch {
            events.report(.protocolError("epoll: \(error)"))
        }
    }

    /// Watches a queue's kick descriptor from now on, instead of an older one.
    private func watch(_ queue: Int, old: SharedFD?, new: SharedFD?) {
        if old === new { return }
        do {
            if let old { try epoll.remove(old.rawValue) }
            // Edge-triggered: each kick wakes, and the counter needs no reading.
            if let new {
                try epoll.add(
                    new.rawValue,
                    EPOLLIN.rawValue | EPOLLET.rawValue,
                    token: Token.kick + UInt64(queue)
                )
            }
        } catch {
            events.report(.protocolError("kick descriptor of queue \(queue): \(error)"))
        }
    }
}
