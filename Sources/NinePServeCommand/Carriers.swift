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
    private static let port: UInt32 = 564

    init(_ listeners: [ListenArgument], service: NinePService) throws {
        do throws(Errno) {
            sockets = try SocketListener(service: service)
        } catch {
            printError("ninep-serve: cannot listen: \(error)")
            throw ExitCode(3)
        }
        for listener in listeners {
            do {
                try listen(listener, service: service)
            } catch {
                printError("ninep-serve: cannot listen: \(error)")
                // The sockets of those before it are not to stay.
                stop()
                throw ExitCode(3)
            }
            printError("ninep-serve: listening on \(listener)\(Self.hint(listener))")
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

    /// What a guest, or its QEMU, has to be told.
    private static func hint(_ listener: ListenArgument) -> String {
        let options = "trans=fd,version=9p2000.L,msize=524312,cache=loose,ro"
        let vsock = { (port: UInt32) in
            """

              guest: connect a socket to vsock CID 2, port \(port), and mount with
                     -t 9p -o \(options),rfdno=FD,wfdno=FD
            """
        }
        switch listener {
        case .socket(.unix(let path)):
            return """

                  mount -t 9p -o trans=unix,version=9p2000.L,msize=524312,cache=loose,ro \
                \(path) /mnt
                """
        case .socket(.tcp(let host, let port)):
            return """

                  mount -t 9p -o trans=tcp,port=\(port),version=9p2000.L,msize=524312,\
                cache=loose,ro \(host) /mnt
                """
        case .socket(.vsock(let port)): return vsock(port)
        case .vhostUser(let path):
            return """

                  qemu: -m 1G -object memory-backend-memfd,id=mem,size=1G,share=on \
                -machine q35,memory-backend=mem
                        -chardev socket,id=vs,path=\(path) \
                -device vhost-user-vsock-pci,chardev=vs
                """ + vsock(Self.port)
        }
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
