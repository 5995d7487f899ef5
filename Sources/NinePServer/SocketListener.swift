package import ByteStream
import CLinux
import Synchronization
package import SystemIO
package import SystemPackage

/// Serves a `StreamService` on unix, TCP and AF_VSOCK sockets.
///
/// A few threads, each with an epoll set; a connection stays with one thread. Sockets never block,
/// so that a slow or silent client holds up nobody.
package final class SocketListener: Sendable {
    private let service: any StreamService
    private let loops: [EventLoop]
    private struct State {
        var threads: [Thread] = []
        var files: [SocketFile] = []
        var accepted = 0
    }
    private let state = Mutex(State())

    /// - Parameter threads: how many serve; nil takes one a processor, at most 4.
    package init(service: any StreamService, threads: Int? = nil) throws(Errno) {
        self.service = service
        var loops: [EventLoop] = []
        for _ in 0..<max(1, threads ?? min(processorCount(), 4)) { loops.append(try EventLoop()) }
        self.loops = loops
        for (index, loop) in loops.enumerated() {
            let thread = try Thread(name: "sockets-\(index)") { loop.run() }
            state.withLock { $0.threads.append(thread) }
        }
    }

    /// Begins to accept clients there.
    package func listen(_ address: SocketAddress) throws(ListenError) {
        let socket = SharedFD(try address.listen())
        if case .unix(let path) = address {
            // A name that is gone already is nobody's to remove.
            if let file = try? SocketFile(path) { state.withLock { $0.files.append(file) } }
        }
        let label = "\(address)"
        let isUnix = if case .unix = address { true } else { false }
        let acceptor = Acceptor(socket: socket, label: label) { [weak self] client, number in
            if isUnix {
                Self.enlargeBuffer(client.rawValue)
            } else {
                // One that has vanished would keep its place for ever.
                clinux_set_keepalive(client.rawValue)
            }
            self?.adopt(client, peer: "\(label)#\(number)")
        }
        loops[0].add(acceptor)
    }

    /// A unix socket's buffer holds three messages of 64 KiB by default; more let client and server
    /// work at the same time. The kernel gives what it may (net.core.wmem_max). TCP adapts its own.
    private static func enlargeBuffer(_ socket: CInt) {
        var size: CInt = 4 << 20
        _ = unsafe setsockopt(
            socket,
            SOL_SOCKET,
            SO_SNDBUF,
            &size,
            socklen_t(MemoryLayout<CInt>.size)
        )
    }

    /// Serves a connected socket.
    package func adopt(_ socket: consuming OwnedFD, peer: String) {
        let number = state.withLock { state in
            state.accepted += 1
            return state.accepted
        }
        let loop = loops[number % loops.count]
        let connection = SocketConnection(socket: SharedFD(socket), loop: loop, peer: peer)
        guard let handler = service.accept(connection) else { return }
        connection.start(handler)
    }

    /// Ends all connections, waits for the threads and removes the unix sockets that are still its
    /// own. To be called once, from none of the threads.
    package func stop() {
        for loop in loops { loop.stop() }
        let (threads, files) = state.withLock { ($0.threads, $0.files) }
        for thread in threads { thread.join() }
        for file in files { file.remove() }
    }
}

/// Takes the clients of one listening socket.
private final class Acceptor: EventSource {
    let descriptor: SharedFD
    private let label: String
    private let onClient: @Sendable (consuming OwnedFD, Int) -> Void
    private let count = Atomic(0)
    /// Given up for a moment when the process has no descriptor left, to accept and so refuse.
    private let spare = Mutex<SharedFD?>(nil)

    init(
        socket: SharedFD,
        label: String,
        onClient: @escaping @Sendable (consuming OwnedFD, Int) -> Void
    ) {
        descriptor = socket
        self.label = label
        self.onClient = onClient
        spare.withLock { $0 = Self.openSpare() }
    }

    private static func openSpare() -> SharedFD? {
        try? SharedFD(OwnedFD.open("/dev/null", O_RDONLY))
    }

    var interest: UInt32 { EPOLLIN.rawValue }

    func ready(_ events: UInt32, _ loop: EventLoop) {
        while true {
            do throws(Errno) {
                let client = try UnixSocket.accept(descriptor.rawValue)
                _ = clinux_set_nodelay(client.rawValue)
                let number = count.wrappingAdd(1, ordering: .relaxed).newValue
                onClient(client, number)
            } catch .tooManyOpenFiles, .tooManyOpenFilesInSystem {
                spare.withLock { spare in
                    spare = nil
                    _ = try? UnixSocket.accept(descriptor.rawValue)
                    spare = Self.openSpare()
                }
                return
            } catch .connectionAbort {
                continue
            } catch {
                return
            }
        }
    }

    func stopped() {}
}
