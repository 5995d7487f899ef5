import ArgumentParser
import NinePServer
import SystemPackage

/// `--export`: PATH, NAME=PATH or NAME=ostree:REPO:REF.
struct ExportArgument: ExpressibleByArgument, Equatable {
    enum Source: Equatable {
        case folder(FilePath)
        case commit(repository: FilePath, ref: String)
    }

    let name: String
    let source: Source

    /// Splits at the first "="; what follows "ostree:" splits at the last ":".
    init?(argument: String) {
        var place = argument[...]
        if let equals = argument.firstIndex(of: "=") {
            name = String(argument[..<equals])
            place = argument[argument.index(after: equals)...]
        } else {
            name = argument
        }
        guard !name.isEmpty, !place.isEmpty else { return nil }
        let scheme = "ostree:"
        if place.hasPrefix(scheme) {
            let rest = place.dropFirst(scheme.count)
            guard let colon = rest.lastIndex(of: ":") else { return nil }
            let (repository, ref) = (rest[..<colon], rest[rest.index(after: colon)...])
            guard !repository.isEmpty, !ref.isEmpty else { return nil }
            source = .commit(repository: FilePath(String(repository)), ref: String(ref))
        } else {
            source = .folder(FilePath(String(place)))
        }
    }
}

extension ExportArgument: CustomStringConvertible {
    var description: String {
        let place =
            switch source {
            case .folder(let path): path.string
            case .commit(let repository, let ref): "ostree:\(repository):\(ref)"
            }
        return name == place ? place : "\(name)=\(place)"
    }
}

/// `--listen`: unix:PATH, tcp:ADDRESS:PORT, vsock:PORT or vhost-user:PATH.
enum ListenArgument: ExpressibleByArgument, Equatable {
    case socket(SocketAddress)
    case vhostUser(FilePath)

    init?(argument: String) {
        guard let colon = argument.firstIndex(of: ":") else { return nil }
        let rest = String(argument[argument.index(after: colon)...])
        guard !rest.isEmpty else { return nil }
        switch argument[..<colon] {
        case "unix": self = .socket(.unix(FilePath(rest)))
        case "tcp":
            // "tcp:5640" listens on the loopback address.
            let split = rest.lastIndex(of: ":")
            let portText = split.map { rest[rest.index(after: $0)...] } ?? rest[...]
            guard let port = UInt16(portText) else { return nil }
            var host = split.map { String(rest[..<$0]) } ?? "127.0.0.1"
            if host.hasPrefix("["), host.hasSuffix("]") {
                host = String(host.dropFirst().dropLast())
            }
            guard !host.isEmpty else { return nil }
            self = .socket(.tcp(host: host, port: port))
        case "vsock":
            guard let port = UInt32(rest) else { return nil }
            self = .socket(.vsock(port: port))
        case "vhost-user": self = .vhostUser(FilePath(rest))
        default: return nil
        }
    }
}
