import ByteStream
import CLinux
import Synchronization
import SystemIO
import SystemPackage

/// The control protocol over the virtio socket, for machines without a virtio-serial port: the first
/// connection to its port becomes a descriptor, as `GuestChannel` wants one. Others are refused.
final class SocketControl: StreamService, ControlEndpoint {
    static let port: UInt32 = 5642

    private enum Phase {
        case waiting
        case taken
    }

    private let phase = Mutex(Phase.waiting)
    private let arrived = Latch<SharedFD>()

    func accept(milliseconds: CInt) throws(BuildError) -> SharedFD? {
        arrived.wait(milliseconds: milliseconds)
    }

    func accept(_ connection: any StreamConnection) -> (any StreamHandler)? {
        let isFirst = phase.withLock { phase in
            defer { phase = .taken }
            return phase == .waiting
        }
        guard isFirst else { return nil }
        var ends: [CInt] = [-1, -1]
        let type = CInt(SOCK_STREAM.rawValue) | O_NONBLOCK | O_CLOEXEC
        guard unsafe socketpair(AF_UNIX, type, 0, &ends) == 0 else { return nil }
        let theirs = SharedFD(OwnedFD(ends[1]))
        guard let bridge = try? SocketBridge(connection, SharedFD(OwnedFD(ends[0]))) else {
            return nil
        }
        arrived.set(theirs)
        return bridge
    }
}

/// Passes bytes between a connection and a descriptor, until either ends.
private final class SocketBridge: StreamHandler {
    private let connection: any StreamConnection
    private let descriptor: SharedFD
    /// The descriptor took less than it was offered.
    private let isFull = Mutex(false)
    private let wake: EventFD

    init(_ connection: any StreamConnection, _ descriptor: SharedFD) throws(Errno) {
        self.connection = connection
        self.descriptor = descriptor
        wake = try EventFD()
        _ = try Thread(name: "control") { self.pass() }
    }

    func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        let taken = unsafe write(descriptor.rawValue, bytes.baseAddress, bytes.count)
        if taken == bytes.count { return taken }
        // Also when the other end has gone: then there is nobody to take the rest.
        if taken < 0, clinux_errno() != EAGAIN { return bytes.count }
        isFull.withLock { $0 = true }
        wake.signal()
        return max(0, taken)
    }

    func closed() { shutdown(descriptor.rawValue, CInt(SHUT_RDWR)) }

    /// From the descriptor to the connection, on a thread of its own.
    private func pass() {
        let pool = MessageBufferPool(capacity: 1 << 16, limit: 4)
        while true {
            waitForWork()
            let message = pool.take()
            let count = unsafe read(
                descriptor.rawValue,
                message.whole.baseAddress,
                message.capacity
            )
            if count > 0 {
                message.count = count
                connection.send(OutgoingMessage(message))
                continue
            }
            message.recycle()
            if count == 0 || clinux_errno() != EAGAIN { break }
        }
        connection.close()
    }

    /// Until there is something to read; meanwhile the connection resumes when there is room again.
    private func waitForWork() {
        while true {
            let waitsForRoom = isFull.withLock { $0 }
            var polled = [
                pollfd(
                    fd: descriptor.rawValue,
                    events: Int16(POLLIN | (waitsForRoom ? POLLOUT : 0)),
                    revents: 0
                ),
                pollfd(fd: wake.rawValue, events: Int16(POLLIN), revents: 0),
            ]
            guard unsafe poll(&polled, 2, -1) > 0 else { continue }
            if polled[1].revents != 0 { wake.drain() }
            if waitsForRoom, polled[0].revents & Int16(POLLOUT) != 0 {
                isFull.withLock { $0 = false }
                connection.resume()
            }
            if polled[0].revents & ~Int16(POLLOUT) != 0 { return }
        }
    }
}
