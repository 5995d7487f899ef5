import ByteStream
import CLinux
import Synchronization
import SystemIO
import SystemPackage

/// A carrier of one connection over a socket, as simple as can be.
final class SocketCarrier: StreamConnection {
    private struct Queue {
        var messages: [OutgoingMessage] = []
        var isClosing = false
        var byteCount = 0
        var largest = 0
    }

    private let socket: SharedFD
    private let queue = Monitor(Queue())
    private let handler = Mutex<(any StreamHandler)?>(nil)

    init(_ socket: SharedFD) throws(Errno) { self.socket = socket }

    func serve(_ service: some StreamService) {
        guard let handler = service.accept(self) else { return end() }
        self.handler.withLock { $0 = handler }
        let socket = socket
        _ = try? Thread(name: "in") {
            while let bytes = try? readSome(socket.rawValue, limit: 1000), !bytes.isEmpty {
                _ = bytes.withUnsafeBytes { handler.received($0) }
            }
        }
        _ = try? Thread(name: "out") { self.sendAll() }
    }

    private func sendAll() {
        while true {
            let message = queue.wait { state -> OutgoingMessage?? in
                if !state.messages.isEmpty { return state.messages.removeFirst() }
                return state.isClosing ? .some(nil) : nil
            }
            guard let message else { return end() }
            _ = try? writeAll(socket.rawValue, message.buffer.bytes)
            queue.update { $0.byteCount -= message.byteCount }
            message.buffer.recycle()
        }
    }

    /// The most bytes that were ever queued.
    var largestQueue: Int { queue.update { $0.largest } }

    func end() {
        _ = shutdown(socket.rawValue, CInt(SHUT_RDWR))
        handler.withLock { handler in
            defer { handler = nil }
            return handler
        }?.closed()
    }

    func send(_ message: OutgoingMessage) {
        queue.update { queue in
            queue.messages.append(message)
            queue.byteCount += message.byteCount
            queue.largest = max(queue.largest, queue.byteCount)
        }
    }
    var queuedByteCount: Int { queue.update { $0.byteCount } }
    func resume() {}
    func close() { queue.update { $0.isClosing = true } }
    var peerDescription: String { "test" }
}
