import CLinux
import SystemIO
package import SystemPackage

/// Where a server listens.
package enum SocketAddress: Sendable, Equatable, CustomStringConvertible {
    case unix(FilePath)
    /// A numeric IPv4 or IPv6 address.
    case tcp(host: String, port: UInt16)
    /// AF_VSOCK, any context id.
    case vsock(port: UInt32)

    package var description: String {
        switch self {
        case .unix(let path): "unix:\(path)"
        case .tcp(let host, let port): "tcp:\(host):\(port)"
        case .vsock(let port): "vsock:\(port)"
        }
    }

    /// A listening, non-blocking socket. A unix socket that a dead server left behind is replaced.
    func listen() throws(Errno) -> OwnedFD {
        let backlog: CInt = 64
        switch self {
        case .unix(let path):
            do throws(Errno) {
                return try UnixSocket.listen(at: path, backlog: backlog)
            } catch .addressInUse {
                guard isAbandoned(path) else { throw .addressInUse }
                try removeFile(path)
                return try UnixSocket.listen(at: path, backlog: backlog)
            }
        case .tcp(let host, let port):
            return OwnedFD(
                try syscall {
                    unsafe host.withCString { unsafe clinux_listen_tcp($0, port, backlog) }
                }
            )
        case .vsock(let port):
            return OwnedFD(try syscall { clinux_listen_vsock(port, backlog) })
        }
    }

    private func isAbandoned(_ path: FilePath) -> Bool {
        do throws(Errno) {
            _ = try UnixSocket.connect(to: path)
            return false
        } catch {
            return error == .connectionRefused
        }
    }
}
