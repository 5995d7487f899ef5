import CLinux
package import SystemPackage

/// Stream sockets of the unix family, close-on-exec and non-blocking.
package enum UnixSocket {
    /// Listens at `path`, which must not exist; only its owner may connect (mode 0600).
    /// The C functions are `socket`, `bind`, `chmod` and `listen`.
    /// - Throws: `fileNameTooLong` where the path does not fit into `sun_path` (107 bytes).
    package static func listen(at path: FilePath, backlog: CInt = 16) throws(Errno) -> OwnedFD {
        let descriptor = try make()
        let raw = descriptor.rawValue
        try syscall { unsafe path.withPlatformString { unsafe clinux_bind_unix(raw, $0) } }
        // Before listen(), so that nobody else connects in between.
        try syscall { unsafe path.withPlatformString { unsafe chmod($0, 0o600) } }
        try syscall { CLinux.listen(raw, backlog) }
        return descriptor
    }

    /// Connects to the socket at `path`. The C function is `connect`.
    package static func connect(to path: FilePath) throws(Errno) -> OwnedFD {
        let descriptor = try make()
        let raw = descriptor.rawValue
        try syscall { unsafe path.withPlatformString { unsafe clinux_connect_unix(raw, $0) } }
        return descriptor
    }

    /// Takes the next waiting client of a listening socket. The C function is `accept4`.
    package static func accept(_ listener: CInt) throws(Errno) -> OwnedFD {
        OwnedFD(try syscall { clinux_accept(listener) })
    }

    private static func make() throws(Errno) -> OwnedFD {
        let type =
            CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
            | CInt(SOCK_NONBLOCK.rawValue)
        return OwnedFD(try syscall { socket(AF_UNIX, type, 0) })
    }
}
