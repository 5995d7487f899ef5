import ByteStream
import CLinux
import Synchronization
import SystemIO
import SystemPackage

/// The host's services of a fuzzed device: what they are told is checked, what they send is a
/// pattern that the guest can check.
final class FuzzService: StreamService, Sendable {
    private struct State {
        var handlers: [FuzzHandler] = []
        var acceptCount = 0
        var violation: String?
    }

    private let state = Mutex(State())
    /// Where the fuzzer's messages come from, and how many of them are not back yet.
    let outstanding = Atomic(0)
    private let pattern: SharedFD

    /// - Parameter pattern: a file of `patternSize` bytes of `byte(at:)`.
    init(pattern: SharedFD) { self.pattern = pattern }

    var handlers: [FuzzHandler] { state.withLock { $0.handlers } }
    var violation: String? { state.withLock { $0.violation } }

    func report(_ text: String) { state.withLock { $0.violation = text } }

    /// Every seventh client is refused.
    func accept(_ connection: any StreamConnection) -> (any StreamHandler)? {
        let handler = FuzzHandler(connection, self)
        return state.withLock { state in
            state.acceptCount += 1
            if state.acceptCount % 7 == 0 { return nil }
            state.handlers.append(handler)
            return handler
        }
    }

    func gone(_ handler: FuzzHandler) {
        state.withLock { state in state.handlers.removeAll { $0 === handler } }
    }

    // MARK: The pattern

    static let patternSize = 1 << 16

    /// Of every stream's bytes to the guest; it repeats after `patternSize`.
    static func byte(at position: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: position &* 31 &+ (position & 0xffff) >> 8)
    }

    /// The pattern twice, so that any part of it is in one piece.
    private static let table = (0..<2 * patternSize).map(byte)

    /// `count` bytes, at most `patternSize`, from `position` on.
    static func part(at position: Int, count: Int) -> ArraySlice<UInt8> {
        table[(position % patternSize)...].prefix(count)
    }

    static func patternFile() throws(Errno) -> SharedFD {
        let raw = try syscall { memfd_create("pattern", UInt32(MFD_CLOEXEC)) }
        let file = SharedFD(OwnedFD(raw))
        try writeAll(raw, (0..<patternSize).map(byte))
        return file
    }

    /// A message whose bytes begin at `position` of the pattern; the end comes from the file.
    func message(at position: Int, inMemory: Int, inFile: Int) -> OutgoingMessage {
        outstanding.wrappingAdd(1, ordering: .relaxed)
        let pool = MessageBufferPool(capacity: max(1, inMemory), limit: 0) { [self] in
            _ = outstanding.wrappingSubtract(1, ordering: .relaxed)
        }
        let buffer = pool.take()
        buffer.whole.copyBytes(from: Self.part(at: position, count: inMemory))
        buffer.count = inMemory
        let offset = (position + inMemory) % Self.patternSize
        let count = min(inFile, Self.patternSize - offset)
        let slice = FileSlice(file: pattern, offset: Int64(offset), count: count)
        return OutgoingMessage(buffer, file: count > 0 ? slice : nil)
    }
}

/// Takes some of what it is offered.
final class FuzzHandler: StreamHandler, Sendable {
    private struct State {
        var isClosed = false
        /// How many of its next bytes it takes.
        var grant = 1 << 16
        /// Position of the pattern that the next message begins with.
        var sent = 0
    }

    let connection: any StreamConnection
    private let service: FuzzService
    private let state = Mutex(State())

    init(_ connection: any StreamConnection, _ service: FuzzService) {
        self.connection = connection
        self.service = service
    }

    func grant(_ count: Int) {
        state.withLock { $0.grant = count }
        connection.resume()
    }

    func send(inMemory: Int, inFile: Int) {
        let position = state.withLock { $0.sent }
        let message = service.message(at: position, inMemory: inMemory, inFile: inFile)
        state.withLock { $0.sent += message.byteCount }
        connection.send(message)
    }

    func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        let (taken, isClosed) = state.withLock { state in
            let taken = min(bytes.count, state.grant)
            state.grant -= taken
            return (taken, state.isClosed)
        }
        if isClosed { service.report("bytes after the end") }
        // Some requests are answered from inside.
        if bytes.count % 5 == 1 { send(inMemory: bytes.count % 100, inFile: bytes.count) }
        return taken
    }

    func closed() {
        let wasClosed = state.withLock { state in
            defer { state.isClosed = true }
            return state.isClosed
        }
        if wasClosed { service.report("closed twice") }
        if connection.queuedByteCount != 0 { service.report("bytes still queued at the end") }
        service.gone(self)
    }
}
