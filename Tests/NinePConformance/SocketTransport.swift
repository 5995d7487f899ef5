import CLinux
import SystemIO
import SystemPackage

/// A blocking client socket.
package final class SocketTransport: Transport {
    private let socket: OwnedFD

    /// - Parameter limit: how long a reply may take, in seconds.
    package init(unix path: String, limit: Int = 10) throws {
        socket = try UnixSocket.connect(to: FilePath(path))
        let flags = clinux_fcntl(socket.rawValue, F_GETFL, 0)
        _ = clinux_fcntl(socket.rawValue, F_SETFL, flags & ~O_NONBLOCK)
        var limit = timeval(tv_sec: limit, tv_usec: 0)
        setsockopt(
            socket.rawValue,
            SOL_SOCKET,
            SO_RCVTIMEO,
            &limit,
            socklen_t(MemoryLayout<timeval>.size)
        )
    }

    package func send(_ bytes: [UInt8]) { try? writeAll(socket.rawValue, bytes) }

    /// Closes the client's direction. The C function is `shutdown`.
    package func endSending() { shutdown(socket.rawValue, CInt(SHUT_WR)) }

    package func receive() -> [UInt8]? {
        guard let head = exactly(4) else { return nil }
        let size = head.reversed().reduce(0) { $0 << 8 | Int($1) }
        guard size >= 7, let rest = exactly(size - 4) else { return nil }
        return head + rest
    }

    private func exactly(_ count: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        while bytes.count < count {
            guard let part = try? readSome(socket.rawValue, limit: count - bytes.count),
                !part.isEmpty
            else { return nil }
            bytes += part
        }
        return bytes
    }
}
