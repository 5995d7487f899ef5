import ByteStream
import CLinux
import Synchronization
import SystemIO
import SystemPackage

/// One client on a socket.
final class SocketConnection: StreamConnection, EventSource, @unchecked Sendable {
    // SAFETY: the properties of the first group are only touched on the loop's thread once `start`
    // has handed the connection over; `output` has its own lock.

    private var handler: (any StreamHandler)?
    private var token: UInt64?
    /// Bytes that the handler did not take.
    private var leftover: [UInt8] = []
    private var isReading = true

    let descriptor: SharedFD
    let peerDescription: String
    private let loop: EventLoop
    private let output: Mutex<SocketOutput>
    private let queued = Atomic(0)

    init(socket: SharedFD, loop: EventLoop, peer: String) {
        descriptor = socket
        self.loop = loop
        peerDescription = peer
        output = Mutex(SocketOutput(socket: socket))
    }

    /// Begins to receive, on the loop's thread.
    func start(_ handler: any StreamHandler) {
        self.handler = handler
        if !loop.poke(self) { end() }
    }

    var interest: UInt32 { EPOLLIN.rawValue }

    // MARK: StreamConnection

    var queuedByteCount: Int { queued.load(ordering: .relaxed) }

    func send(_ message: OutgoingMessage) {
        let needsLoop = output.withLock { output in
            output.append(message)
            // While requests are being served their replies gather, to leave in one system call.
            if output.isCorked { return false }
            let wasBlocked = output.isBlocked
            output.flush()
            queued.store(output.byteCount, ordering: .relaxed)
            return output.isBroken || output.isUnfinished || output.isClosing
                || (output.isBlocked && !wasBlocked)
        }
        if needsLoop { loop.poke(self) }
    }

    func resume() { loop.poke(self) }

    func close() {
        output.withLock { $0.isClosing = true }
        loop.poke(self)
    }

    func abort() {
        output.withLock { $0.abandon() }
        loop.poke(self)
    }

    // MARK: On the loop's thread

    func poked(_ loop: EventLoop) {
        if token == nil && handler != nil {
            token = loop.add(self)
            if token == nil { end() }
            return
        }
        serve(leftover: true)
    }

    func ready(_ events: UInt32, _ loop: EventLoop) {
        guard handler != nil else { return }
        if events & EPOLLIN.rawValue != 0 && isReading {
            receive()
        } else if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 {
            end()
        } else {
            settle()
        }
    }

    private func receive() {
        // SAFETY: `input` belongs to the loop's thread, and this is it.
        let input = unsafe loop.input.whole
        let count: Int
        do throws(Errno) {
            count = try syscall {
                unsafe recv(
                    descriptor.rawValue,
                    input.baseAddress,
                    input.count,
                    CInt(MSG_DONTWAIT)
                )
            }
        } catch {
            if error != .resourceTemporarilyUnavailable { end() }
            return
        }
        guard count > 0 else {
            // The client sends no more; what it asked for it still gets.
            output.withLock { $0.isClosing = true }
            settle()
            return
        }
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: input[..<count])
        if leftover.isEmpty {
            unsafe offer(bytes)
        } else {
            unsafe leftover.append(contentsOf: bytes)
            serve(leftover: true)
        }
    }

    private func serve(leftover hasLeftover: Bool) {
        guard handler != nil else { return }
        if leftover.isEmpty || output.withLock({ $0.isBroken }) {
            settle()
            return
        }
        let pending = leftover
        leftover = []
        unsafe pending.withUnsafeBytes { unsafe offer($0) }
    }

    private func offer(_ bytes: UnsafeRawBufferPointer) {
        guard let handler else { return }
        output.withLock { $0.isCorked = true }
        let taken = unsafe handler.received(bytes)
        if taken < bytes.count { unsafe leftover = Array(bytes[taken...]) }
        settle()
    }

    /// Sends what has gathered, and watches for what can go on.
    private func settle() {
        guard let token else { return }
        let isAwaited = handler?.isBusy ?? false
        let (isBlocked, isUnfinished, isOver) = output.withLock { output in
            output.isCorked = false
            output.flush()
            queued.store(output.byteCount, ordering: .relaxed)
            let isDrained =
                output.isClosing && output.byteCount == 0 && leftover.isEmpty && !isAwaited
            return (output.isBlocked, output.isUnfinished, output.isBroken || isDrained)
        }
        if isOver {
            end()
            return
        }
        if isUnfinished { loop.poke(self) }
        isReading = leftover.isEmpty && !output.withLock { $0.isClosing }
        let events = (isReading ? EPOLLIN.rawValue : 0) | (isBlocked ? EPOLLOUT.rawValue : 0)
        guard events != watched else { return }
        watched = events
        loop.change(self, token: token, to: events)
    }

    private var watched: UInt32 = EPOLLIN.rawValue

    private func end() {
        if let token { loop.remove(self, token: token) }
        token = nil
        output.withLock { $0.abandon() }
        let handler = handler
        self.handler = nil
        handler?.closed()
    }

    func stopped() {
        guard handler != nil else { return }
        token = nil
        output.withLock {
            $0.isCorked = false
            $0.flush()
        }
        end()
    }
}
