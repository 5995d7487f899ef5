package import SystemIO
package import SystemPackage

/// Why nothing can listen on an address, and what to do.
package enum ListenError: Error, Equatable, CustomStringConvertible {
    /// A unix socket's name belongs to something that is no socket. It was left as it is.
    case occupied(FilePath, FileStatus.Kind)
    /// Somebody listens there.
    case inUse(SocketAddress)
    case notNumeric(host: String)
    case system(SocketAddress, Errno)

    package var description: String {
        switch self {
        case .occupied(let path, let kind):
            "\(path) is \(Self.noun(kind)), not a socket: it was left as it is. Give another path, "
                + "or move it away."
        case .inUse(.unix(let path)):
            "a server listens on \(path) already. Give another path, or end that server."
        case .inUse(let address):
            "another program listens on \(address) already. Give another port, or end that program."
        case .notNumeric(let host):
            "\"\(host)\" is no numeric IPv4 or IPv6 address. Give one: 127.0.0.1, ::1, 0.0.0.0."
        case .system(.unix(let path), .fileNameTooLong):
            "\(path) is too long for a unix socket: at most 107 bytes. Give a shorter path."
        case .system(.vsock, .addressFamilyNotSupported):
            "this kernel has no vsock. Load its module (modprobe vsock), or listen elsewhere."
        case .system(let address, let error): "\(address): \(error)"
        }
    }

    private static func noun(_ kind: FileStatus.Kind) -> String {
        switch kind {
        case .regular: "a file"
        case .directory: "a folder"
        case .symlink: "a symbolic link"
        case .socket: "a socket"
        case .other: "a device or FIFO"
        }
    }
}
