import ByteStream
import CLinux
import NineP
import SystemIO
import SystemPackage

/// One client's conversation.
///
/// Requests are served in the order of their arrival, on the carrier's thread: most take a few
/// microseconds, less than a thread switch. Opens and reads that take long go to workers.
@safe final class Session: StreamHandler, @unchecked Sendable {
    // SAFETY: the carrier calls `received` and `closed` from one thread at a time (StreamHandler's
    // contract), and nothing else touches the mutable state; workers use `reply` and `pending` only.

    let service: NinePService
    let connection: any StreamConnection
    let buffers: ReplyBuffers
    private let observer: (any NinePObserver)?
    private let tracesMessages: Bool

    /// The request being received: its first bytes. No request that a read-only server needs to
    /// understand is longer; of longer ones only the header matters.
    private let request: UnsafeMutableRawBufferPointer
    private static let requestCapacity = 8192
    /// Bytes of the current request that have arrived, captured or not.
    private var arrived = 0
    private var expected = 0
    private var isBroken = false

    /// Negotiated by Tversion, in bytes; 0 before.
    var messageSize: UInt32 = 0
    var fids = FidTable()
    let pending = PendingRequests()
    var extendedAttributeBytes = 0

    init(service: NinePService, connection: any StreamConnection) {
        self.service = service
        self.connection = connection
        observer = service.observer
        tracesMessages = service.observer?.wantsMessages ?? false
        buffers = ReplyBuffers(limits: service.limits) { [weak connection] in connection?.resume() }
        unsafe request = .allocate(byteCount: Self.requestCapacity, alignment: 16)
    }

    deinit { unsafe request.deallocate() }

    var isBusy: Bool { pending.isBusy }

    func closed() {
        pending.abandon()
        fids.removeAll()
        service.sessionEnded(self)
    }

    func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        var taken = 0
        while taken < bytes.count {
            if isBroken { return bytes.count }
            if arrived == 0 && buffers.isFull { return taken }
            let header = Protocol9P.headerSize
            let wanted = (arrived < header ? header : expected) - arrived
            let count = min(wanted, bytes.count - taken)
            unsafe capture(UnsafeRawBufferPointer(rebasing: bytes[taken..<taken + count]))
            taken += count
            if arrived == header && !readLength() { continue }
            if arrived >= header && arrived == expected {
                serve()
                arrived = 0
            }
        }
        return taken
    }

    /// Copies before anyone looks: the bytes may be memory that the guest is changing.
    private func capture(_ bytes: UnsafeRawBufferPointer) {
        let room = max(0, Self.requestCapacity - arrived)
        if room > 0 {
            unsafe UnsafeMutableRawBufferPointer(rebasing: request[arrived...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.prefix(room)))
        }
        arrived += bytes.count
    }

    /// A length that cannot be leaves no way to find the next message: the connection ends.
    private func readLength() -> Bool {
        var reader = unsafe WireReader(UnsafeRawBufferPointer(rebasing: request[..<arrived]))
        let size = reader.u32()
        let largest = messageSize == 0 ? service.limits.messageSize : messageSize
        guard size >= UInt32(Protocol9P.headerSize), size <= largest else {
            isBroken = true
            connection.close()
            return false
        }
        expected = Int(size)
        return true
    }

    // MARK: One request

    private func serve() {
        let start = observer == nil ? 0 : monotonicNanoseconds()
        let captured = min(arrived, Self.requestCapacity)
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: request[..<captured])
        if tracesMessages {
            unsafe observer?.message(bytes, fromClient: true, peer: connection.peerDescription)
        }
        var reader = unsafe WireReader(bytes)
        let header = MessageHeader(from: &reader)
        settleOpens()
        var answer = Answer(tag: header.tag, buffers: buffers, limit: messageSize)
        var failure: Errno?
        do throws(Errno) {
            try dispatch(header.type, &reader, isWhole: captured == arrived, &answer)
        } catch {
            failure = error
        }
        if answer.isDeferred { return }
        reply(to: header.type, &answer, failure, since: start)
    }

    /// Sends a reply, or a refusal, and tells the observer. Also called by workers.
    func reply(
        to type: MessageType?,
        _ answer: inout Answer,
        _ failure: Errno?,
        since start: UInt64
    ) {
        var failure = failure
        if let failure { refuse(&answer, failure) }
        if let message = answer.message() {
            deliver(message)
        } else {
            failure = Errno(rawValue: EMSGSIZE)
            refuse(&answer, Errno(rawValue: EMSGSIZE))
            if let message = answer.message() { deliver(message) }
        }
        guard let observer else { return }
        observer.replied(
            ReplyEvent(
                request: type,
                export: answer.export,
                errno: failure?.rawValue,
                openedFile: answer.openedFile,
                dataByteCount: answer.dataByteCount,
                byteCount: answer.writer.count + (answer.file?.count ?? 0),
                nanoseconds: monotonicNanoseconds() &- start
            )
        )
    }

    private func refuse(_ answer: inout Answer, _ error: Errno) {
        answer.file = nil
        answer.dataByteCount = 0
        answer.openedFile = false
        answer.writer.rlerror(tag: answer.tag, errno: UInt32(bitPattern: error.rawValue))
    }

    private func deliver(_ message: OutgoingMessage) {
        if tracesMessages {
            unsafe message.withTracedBytes { bytes in
                let peer = connection.peerDescription
                unsafe observer?.message(bytes, fromClient: false, peer: peer)
            }
        }
        connection.send(message)
    }

    private func dispatch(
        _ type: MessageType?,
        _ reader: inout WireReader,
        isWhole: Bool,
        _ answer: inout Answer
    ) throws(Errno) {
        guard let type, type.isRequest else { throw Errno(rawValue: EOPNOTSUPP) }
        guard messageSize != 0 || type == .tversion else { throw Errno(rawValue: EPROTO) }
        if type.isModifying {
            // remove(5): the fid goes even when the file stays.
            if type == .tremove {
                let fid = reader.u32()
                if !reader.failed { clunk(fid) }
            }
            throw .readOnlyFileSystem
        }
        guard isWhole else { throw .fileNameTooLong }
        guard let request = Request(type, from: &reader) else { throw Errno(rawValue: EBADMSG) }
        try handle(request, reader, &answer)
    }
}

/// CLOCK_MONOTONIC.
func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(truncatingIfNeeded: time.tv_sec) &* 1_000_000_000
        &+ UInt64(truncatingIfNeeded: time.tv_nsec)
}
