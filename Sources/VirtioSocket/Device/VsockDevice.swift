package import ByteStream
import CLinux
import Synchronization
import SystemIO
package import SystemPackage

/// Why the device could not be made.
package enum VsockError: Error, Equatable, CustomStringConvertible {
    case cannotListen(FilePath, Errno)
    case noResources(Errno)

    package var description: String {
        switch self {
        case .cannotListen(let path, .addressInUse):
            "\(path) exists already. Give another path, or remove it if no server uses it."
        case .cannotListen(let path, let error): "\(path): \(error)"
        case .noResources(let error): "the vsock device could not be made: \(error)"
        }
    }
}

/// What the device notices of its frontend. A host that gets no `driverReady` within a boot's time
/// knows that vhost did not start: the guest sees nothing but ETIMEDOUT.
package enum VsockEvent: Equatable, Sendable {
    /// A frontend (QEMU, UML) has connected.
    case connected
    /// The guest's driver has started both queues.
    case driverReady
    case frontendGone
    /// The frontend or the guest broke the protocol; what it asked for was not done.
    case protocolError(String)
    /// A connection has ended for a reason on the host.
    case hostError(String)
}

/// A virtio socket device in this process: the backend of QEMU's `vhost-user-vsock-pci` and of
/// UML's `virtio_uml`. Guests reach the services by connecting to CID 2 and a service's port.
///
/// Serves one frontend at a time, on a thread of its own; services are called on that thread.
package final class VsockDevice: Sendable {
    private enum Phase {
        case idle
        case running(Thread)
        case stopped
    }

    private let socketFile: SocketFile
    private let loop: DeviceLoop
    private let phase = Mutex(Phase.idle)

    /// Listens on the unix socket `socketPath`, which must not exist and is only for its owner.
    /// - Parameter guestCID: the guest's address, at least 3.
    /// - Parameter services: by port.
    package init(
        socketPath: FilePath,
        guestCID: UInt64,
        services: [UInt32: any StreamService]
    ) throws(VsockError) {
        let listener: OwnedFD
        do {
            listener = try UnixSocket.listen(at: socketPath)
        } catch {
            throw .cannotListen(socketPath, error)
        }
        do {
            socketFile = try SocketFile(socketPath)
        } catch {
            throw .cannotListen(socketPath, error)
        }
        do {
            loop = try DeviceLoop(listener: listener, guestCID: guestCID, services: services)
        } catch {
            socketFile.remove()
            throw .noResources(error)
        }
    }

    deinit { stop() }

    /// Sets who hears of events; called on the device's thread, so it must not block or stop the
    /// device.
    package func setEventHandler(_ handler: @escaping @Sendable (VsockEvent) -> Void) {
        loop.events.set(handler)
    }

    /// Starts the device's thread. A device starts once.
    package func start() throws(VsockError) {
        let result = phase.withLock { phase -> Result<Void, VsockError> in
            guard case .idle = phase else { return .success(()) }
            do throws(Errno) {
                let loop = loop
                phase = .running(try Thread(name: "vsock") { loop.run() })
                return .success(())
            } catch {
                return .failure(.noResources(error))
            }
        }
        try result.get()
    }

    /// Stops the device and waits for its thread; every handler gets `closed()` before. Removes the
    /// socket, should its name still be its own.
    package func stop() {
        let thread = phase.withLock { phase -> Thread? in
            defer { phase = .stopped }
            if case .running(let thread) = phase { return thread }
            return nil
        }
        guard let thread else { return socketFile.remove() }
        loop.mailbox.stop()
        thread.join()
        socketFile.remove()
    }
}
