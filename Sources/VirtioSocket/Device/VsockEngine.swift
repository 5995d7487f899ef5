import ByteStream
import CLinux

/// The device without its file descriptors: two virtqueues, the connections, and what is to be
/// told the guest. Runs on one thread; other threads reach it through the mailbox.
final class VsockEngine {
    struct Limits {
        /// Connections at once; each may hold `allocation` bytes that its handler has not taken.
        var connections = 128
        /// What the guest may send ahead on one connection, in bytes.
        var allocation: UInt32 = 1 << 20
        /// Replies without payload that wait for receive buffers; with more, nothing is taken from
        /// the transmit queue.
        var replies = 256
        /// How long a guest without receive buffers is given to provide a good number of them, in
        /// nanoseconds; then any will do.
        var starvationDelay: UInt64 = 10_000_000
        /// How long a guest may take to answer SHUTDOWN, in nanoseconds. Linux waits as long.
        var resetDelay: UInt64 = 8_000_000_000
    }

    let guestCID: UInt64
    let services: [UInt32: any StreamService]
    let mailbox: Mailbox
    let limits: Limits
    /// Interrupts the guest for a queue.
    let interrupt: (Int) -> Void
    /// Told of what ends a connection and is nobody's fault on it.
    let report: (String) -> Void

    static let receiveIndex = 0
    static let transmitIndex = 1
    /// Receive, transmit and event queue; nothing is ever sent on the last.
    static let queueCount = 3

    var memory = GuestMemory()
    var receiveQueue: SplitQueue?
    var transmitQueue: SplitQueue?
    var chain = DescriptorChain()
    var fileReader = GuestFileReader()

    private(set) var streams: [StreamKey: VsockStream] = [:]
    /// Streams with bytes to send and credit for them, in turn.
    var ready: [VsockStream] = []
    /// Packets without payload that wait for receive buffers.
    var replies: [VsockHeader] = []
    /// The guest has run out of receive buffers; what has been asked of it since.
    struct Starvation {
        /// Buffers that are worth to go on for.
        let needed: UInt16
        /// In nanoseconds of the monotonic clock.
        let since: UInt64
    }
    var starvation: Starvation?
    /// The transmit queue is not looked at until replies are gone.
    var isTransmitPaused = false
    private var posted: [VsockConnection] = []
    /// Of the connection being looked at.
    private var collected: [OutgoingMessage] = []
    private var awaitingResetCount = 0

    init(
        guestCID: UInt64,
        services: [UInt32: any StreamService],
        mailbox: Mailbox,
        limits: Limits = Limits(),
        interrupt: @escaping (Int) -> Void,
        report: @escaping (String) -> Void = { _ in }
    ) {
        self.guestCID = guestCID
        self.services = services
        self.mailbox = mailbox
        self.limits = limits
        self.interrupt = interrupt
        self.report = report
    }

    /// Does what there is to do in both directions, within a budget.
    /// - Returns: whether there is more.
    func run() throws(RingError) -> Bool {
        for _ in 0..<16 {
            let hasMoreInput = try takeTransmitted()
            collectRequests()
            let hasMoreOutput = try fillReceiveBuffers()
            let hasRoomAgain = isTransmitPaused && replies.count < limits.replies
            if !hasMoreInput && !hasMoreOutput && !hasRoomAgain { return false }
        }
        return true
    }

    /// Takes over what services have asked for, on this thread or others.
    private func collectRequests() {
        mailbox.collect(into: &posted)
        for connection in posted {
            let (wantsClose, hasResumed) = connection.collect(into: &collected)
            guard let stream = streams[connection.key], stream.connection === connection else {
                // The stream is gone; a message cannot have come after `shut`.
                continue
            }
            queueCollected(on: stream)
            if hasResumed { resume(stream) }
            if wantsClose { apply(.hostClose, to: stream) }
            settle(stream)
        }
        posted.removeAll(keepingCapacity: true)
    }

    /// Leaves `collected` empty: it changes places with the next connection's messages.
    private func queueCollected(on stream: VsockStream) {
        stream.outgoing.append(collected)
        collected.removeAll(keepingCapacity: true)
    }

    private func resume(_ stream: VsockStream) {
        stream.offerBacklog()
        afterInput(stream)
    }

    /// The handler has taken bytes, or the guest has said that there will be no more.
    func afterInput(_ stream: VsockStream) {
        if stream.credit.needsUpdate { reply(VsockHeader.Operation.creditUpdate, on: stream) }
        if !stream.hasBacklog { apply(.inputDrained, to: stream) }
    }

    /// Puts the stream where it belongs after its queue, credit or state has changed.
    func settle(_ stream: VsockStream) {
        if !stream.state.takesOutput, !stream.outgoing.isEmpty {
            stream.connection.delivered(stream.outgoing.byteCount)
            stream.outgoing.removeAll()
        }
        // What the handler has sent from inside `received` is not collected yet.
        if stream.outgoing.isEmpty, stream.state == .finishing {
            stream.connection.collectMessages(into: &collected)
            queueCollected(on: stream)
        }
        if stream.outgoing.isEmpty {
            // A guest that sends no more is still owed what is being worked on.
            let isAwaited = stream.state == .finishing && (stream.handler?.isBusy ?? false)
            if !isAwaited { apply(.outputDrained, to: stream) }
        } else if stream.canSend, !stream.isReady {
            stream.isReady = true
            ready.append(stream)
        }
    }

    func apply(_ event: StreamState.Event, to stream: VsockStream) {
        switch stream.state.apply(event) {
        case .nothing: break
        case .sendShutdown:
            reply(VsockHeader.Operation.shutdown, on: stream, flags: .both)
            stream.shutdownTime = MonotonicClock.now()
            awaitingResetCount += 1
            stream.detachHandler()
        case .reset:
            reply(VsockHeader.Operation.reset, on: stream)
            remove(stream)
        case .forget: remove(stream)
        }
    }

    func add(_ stream: VsockStream) { streams[stream.key] = stream }

    private func remove(_ stream: VsockStream) {
        streams[stream.key] = nil
        if stream.shutdownTime != 0 { awaitingResetCount -= 1 }
        stream.detachHandler()
    }

    /// Drops every connection without telling the guest, whose driver is gone or new.
    func closeAll() {
        let all = streams.values
        streams = [:]
        ready = []
        replies = []
        starvation = nil
        awaitingResetCount = 0
        for stream in all {
            stream.state = .gone
            stream.detachHandler()
        }
        // All that is posted is gone now; left there, connections and mailbox would keep each other.
        mailbox.collect(into: &posted)
        posted.removeAll(keepingCapacity: true)
    }

    /// How long the device may sleep before `tick`, in milliseconds; -1 without limit.
    var sleepLimit: CInt {
        if let queue = transmitQueue, queue.unpublishedCount > 0 { return 5 }
        if let starvation, starvation.needed > 1 {
            return CInt(truncatingIfNeeded: limits.starvationDelay / 1_000_000) &+ 1
        }
        return awaitingResetCount > 0 ? 1000 : -1
    }

    /// Does what is due by time alone.
    func tick() {
        publishTransmitted()
        guard awaitingResetCount > 0 else { return }
        let now = MonotonicClock.now()
        for stream in streams.values
        where stream.shutdownTime != 0 && now &- stream.shutdownTime >= limits.resetDelay {
            apply(.resetOverdue, to: stream)
        }
    }
}

/// CLOCK_MONOTONIC in nanoseconds. The C function is `clock_gettime`.
enum MonotonicClock {
    static func now() -> UInt64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}
