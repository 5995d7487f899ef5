import CLinux
package import GuestProtocol
import Synchronization
package import SystemIO
package import SystemPackage

/// The conversation's byte stream: any descriptor that reads and writes. Safe from any thread.
package final class ControlChannel: Sendable {
    /// What the host asked for, or why it will ask for nothing more.
    enum Item: Sendable {
        case welcome(UInt16)
        case request(RequestID, timeLimit: UInt32, Request)
        case end(String)
    }

    private struct Inbox: Sendable {
        var items: [Item] = []
        var cancelled: Set<RequestID> = []
    }

    private let descriptor: SharedFD
    private let sending = Mutex(())
    private let inbox = Mutex(Inbox())
    private let arrival: EventFD
    /// Readable while a cancellation has not been looked at.
    let cancellation: EventFD

    package init(_ descriptor: SharedFD) throws(Errno) {
        self.descriptor = descriptor
        arrival = try EventFD()
        cancellation = try EventFD()
    }

    /// Sends one message whole. A channel that is gone shows at the reading end, so that failures
    /// here need no handling of their own.
    /// - Returns: false when the message is over the protocol's limit and was not sent.
    @discardableResult
    package func send(_ message: GuestMessage) -> Bool {
        guard let frame = try? message.frame() else { return false }
        sending.withLock { _ in _ = try? writeAll(descriptor.rawValue, frame) }
        return true
    }

    /// Reads on a thread of its own until the channel ends; `onEnd` is called there and then, even
    /// while a request is in work.
    func startReading(onEnd: @escaping @Sendable (String) -> Void) throws(Errno) {
        _ = try Thread(name: "control") { [self] in
            let reason = readToEnd()
            onEnd(reason)
            add(.end(reason))
        }
    }

    /// The next item; nil after `milliseconds` without one.
    func next(milliseconds: CInt) -> Item? {
        if let item = take() { return item }
        var descriptor = pollfd(fd: arrival.rawValue, events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&descriptor, 1, milliseconds)
        arrival.drain()
        return take()
    }

    func isCancelled(_ id: RequestID) -> Bool {
        cancellation.drain()
        return inbox.withLock { $0.cancelled.contains(id) }
    }

    func forget(_ id: RequestID) { inbox.withLock { _ = $0.cancelled.remove(id) } }

    /// Waits until the host has closed its end, at most `milliseconds`.
    func waitForEnd(milliseconds: CInt) {
        let deadline = monotonicSeconds() + Double(milliseconds) / 1000
        while monotonicSeconds() < deadline {
            if case .end = next(milliseconds: 50) { return }
        }
    }

    private func take() -> Item? {
        inbox.withLock { $0.items.isEmpty ? nil : $0.items.removeFirst() }
    }

    private func add(_ item: Item) {
        inbox.withLock { $0.items.append(item) }
        arrival.signal()
    }

    private func readToEnd() -> String {
        var decoder = FrameDecoder()
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        do {
            while true {
                let count = try syscall {
                    unsafe buffer.withUnsafeMutableBytes {
                        unsafe read(descriptor.rawValue, $0.baseAddress, $0.count)
                    }
                }
                if count == 0 { return "the host closed the control channel" }
                decoder.push(buffer[..<count])
                while let payload = try decoder.next() {
                    accept(try HostMessage(payload: payload))
                }
            }
        } catch {
            return "control channel: \(error)"
        }
    }

    private func accept(_ message: HostMessage) {
        switch message {
        case .welcome(let version): add(.welcome(version))
        case .request(let id, let timeLimit, let request):
            add(.request(id, timeLimit: timeLimit, request))
        case .cancel(let id):
            inbox.withLock { _ = $0.cancelled.insert(id) }
            cancellation.signal()
        }
    }
}
