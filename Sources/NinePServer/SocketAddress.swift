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

    /// A listening, non-blocking socket. A unix socket that a dead server left behind is replaced;
    /// nothing else that has the name is touched.
    func listen() throws(ListenError) -> OwnedFD {
        let backlog: CInt = 64
        do throws(Errno) {
            switch self {
            case .unix(let path): return try UnixSocket.listen(at: path, backlog: backlog)
            case .tcp(let host, let port):
                return OwnedFD(
                    try syscall {
                        unsafe host.withCString { unsafe clinux_listen_tcp($0, port, backlog) }
                    }
                )
            case .vsock(let port):
                return OwnedFD(try syscall { clinux_listen_vsock(port, backlog) })
            }
        } catch {
            switch (error, self) {
            case (.addressInUse, .unix(let path)):
                return try listenInsteadOfDead(path, backlog: backlog)
            case (.addressInUse, _): throw .inUse(self)
            case (.invalidArgument, .tcp(let host, _)): throw .notNumeric(host: host)
            default: throw .system(self, error)
            }
        }
    }

    /// Connecting to what is no socket is refused as it is by a dead server's socket: what the name
    /// stands for has to be asked first.
    private func listenInsteadOfDead(
        _ path: FilePath,
        backlog: CInt
    ) throws(ListenError) -> OwnedFD {
        let refusal: ListenError
        do throws(Errno) {
            let file = try SocketFile(path)
            if file.kind != .socket {
                refusal = .occupied(path, file.kind)
            } else if isAbandoned(path) {
                file.remove()
                return try UnixSocket.listen(at: path, backlog: backlog)
            } else {
                refusal = .inUse(self)
            }
        } catch .addressInUse {
            refusal = .inUse(self)
        } catch {
            refusal = .system(self, error)
        }
        throw refusal
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
