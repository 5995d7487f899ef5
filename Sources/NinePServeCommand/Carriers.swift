import ArgumentParser
import NinePServer
import SystemIO
import SystemPackage
import VirtioSocket

/// All that carries bytes to the service.
struct Carriers {
    private let sockets: SocketListener
    private var devices: [VsockDevice] = []

    /// The guest's address, and the port it connects to, on a vhost-user device.
    private static let guestCID: UInt64 = 3
    static let port: UInt32 = 564

    init(_ listeners: [ListenArgument], service: NinePService, exports: [String]) throws {
        do throws(Errno) {
            sockets = try SocketListener(service: service)
        } catch {
            printError("ninep-serve: cannot listen: \(error)")
            throw ExitCode(3)
        }
        let hint = MountHint(exports: exports)
        for listener in listeners {
            do {
                try listen(listener, service: service)
            } catch {
                printError("ninep-serve: cannot listen: \(error)")
                // The sockets of those before it are not to stay.
                stop()
                throw ExitCode(3)
            }
            printError("ninep-serve: listening on \(listener)\(hint.text(listener))")
        }
    }

    private mutating func listen(_ listener: ListenArgument, service: NinePService) throws {
        switch listener {
        case .socket(let address): try sockets.listen(address)
        case .vhostUser(let path):
            let device = try VsockDevice(
                socketPath: path,
                guestCID: Self.guestCID,
                services: [Self.port: service]
            )
            try device.start()
            devices.append(device)
        }
    }

    func stop() {
        for device in devices { device.stop() }
        sockets.stop()
    }
}

extension ListenArgument: CustomStringConvertible {
    var description: String {
        switch self {
        case .socket(let address): "\(address)"
        case .vhostUser(let path): "vhost-user:\(path)"
        }
    }
}
