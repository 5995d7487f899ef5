import ArgumentParser
import NinePServer
import SystemIO
import SystemPackage

/// All that carries bytes to the service.
struct Carriers {
    private let sockets: SocketListener

    init(_ listeners: [ListenArgument], service: NinePService) throws {
        do {
            sockets = try SocketListener(service: service)
            for listener in listeners {
                switch listener {
                case .socket(let address): try sockets.listen(address)
                case .vhostUser: throw Errno.notSupported
                }
                printError("ninep-serve: listening on \(listener)")
            }
        } catch let error as Errno {
            printError("ninep-serve: cannot listen: \(error)")
            throw ExitCode(3)
        }
    }

    func stop() { sockets.stop() }
}

extension ListenArgument: CustomStringConvertible {
    var description: String {
        switch self {
        case .socket(let address): "\(address)"
        case .vhostUser(let path): "vhost-user:\(path)"
        }
    }
}
