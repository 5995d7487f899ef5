import CLinux
import NineP
import SystemIO
import SystemPackage

/// One connection of the load; a slot is one outstanding request, its number the tag.
@safe final class LoadConnection {
    struct Slot {
        var item = 0
        var offset: UInt64 = 0
        /// In bytes, of the read under way.
        var wanted = 0
    }

    static let largeFid: UInt32 = 100_000

    let socket: OwnedFD
    var slots: [Slot]
    /// Reads whose data is not looked at leave it in the kernel.
    private let sink: DataSink
    private var discarding = 0
    private let readAhead: Int
    // SAFETY: both live as long as the connection, which one thread uses.
    private let output: UnsafeMutableRawBufferPointer
    private var outputCount = 0
    private let input: UnsafeMutableRawBufferPointer
    private var inputStart = 0
    private var inputEnd = 0

    /// - Parameter readAhead: how much to receive at once, in bytes, unless more is known to be
    ///   needed: what was received can not be discarded without having been copied.
    init(_ path: FilePath, messageSize: UInt32, depth: Int, readAhead: Int) throws {
        let connected = try UnixSocket.connect(to: path)
        let sink = try DataSink()
        self.sink = sink
        socket = connected
        slots = Array(repeating: Slot(), count: depth)
        self.readAhead = readAhead
        unsafe output = .allocate(byteCount: depth * 4096, alignment: 16)
        unsafe input = .allocate(byteCount: Int(messageSize) + readAhead, alignment: 16)
        try unsafe call(
            { $0.tversion(tag: $1, messageSize: messageSize, version: Array("9P2000.L".utf8)) },
            { type, body in
                var reader = unsafe WireReader(body)
                guard case .version(let agreed, _)? = Reply(type, from: &reader),
                    agreed == messageSize
                else { throw BenchFailure("the server does not take messages of \(messageSize)") }
            }
        )
    }

    deinit {
        unsafe output.deallocate()
        unsafe input.deallocate()
    }

    func attach(_ name: String) throws {
        let user = Array("root".utf8)
        try unsafe call {
            $0.tattach(tag: $1, fid: 0, user: user, attachName: Array(name.utf8), uid: 0)
        }
    }

    /// Opens a file as `largeFid`; returns its size.
    func openLarge(_ path: [[UInt8]]) throws -> UInt64 {
        try unsafe call { $0.twalk(tag: $1, fid: 0, newFid: Self.largeFid, names: path) }
        var size: UInt64 = 0
        try unsafe call({ $0.tgetattr(tag: $1, fid: Self.largeFid, mask: 0x7ff) }) { type, body in
            var reader = unsafe WireReader(body)
            if case .getattr(let attributes)? = Reply(type, from: &reader) {
                size = attributes.size
            }
        }
        try unsafe call { $0.tlopen(tag: $1, fid: Self.largeFid, flags: 0) }
        return size
    }

    /// One request and its reply.
    func call(
        _ write: (inout WireWriter, UInt16) -> Void,
        _ body: (MessageType, UnsafeRawBufferPointer) throws -> Void = { _, _ in }
    ) throws {
        request(0, write)
        try flush()
        var isAnswered = false
        while !isAnswered {
            try waitForReply()
            try unsafe receive { _, type, bytes in
                if type == .rlerror { throw BenchFailure("the server refuses") }
                try unsafe body(type, bytes)
                isAnswered = true
            }
        }
    }

    // MARK: Sending

    /// Writes a request behind those that wait for `flush`.
    func request(_ slot: Int, _ write: (inout WireWriter, UInt16) -> Void) {
        var writer = unsafe WireWriter(
            UnsafeMutableRawBufferPointer(rebasing: output[outputCount...])
        )
        write(&writer, UInt16(slot))
        outputCount += writer.finish() ?? 0
    }

    func flush() throws {
        var done = 0
        while done < outputCount {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: output[done..<outputCount])
            let count = try unsafe write(rest)
            if count == 0 { try wait(POLLOUT) }
            done += count
        }
        outputCount = 0
    }

    /// - Returns: 0 when the socket takes nothing for now.
    private func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        do throws(Errno) {
            return try syscall {
                unsafe send(socket.rawValue, bytes.baseAddress, bytes.count, CInt(MSG_DONTWAIT))
            }
        } catch {
            if error == .resourceTemporarilyUnavailable { return 0 }
            throw error
        }
    }

    func waitForReply() throws { try wait(POLLIN) }

    private func wait(_ events: CInt) throws {
        var descriptor = pollfd(fd: socket.rawValue, events: Int16(events), revents: 0)
        try syscall { unsafe poll(&descriptor, 1, -1) }
    }

    // MARK: Receiving

    /// Data is on its way that is to be dropped.
    var isDiscarding: Bool { discarding > 0 }

    /// Receives once and passes each whole message's slot, type and body.
    /// - Parameter discard: asked about an Rread whose data has not been received; where it returns
    ///   true, `body` gets the reply without its data, and nobody copies that.
    /// - Returns: false when there is nothing more for now.
    @discardableResult
    func receive(
        discard: (Int) -> Bool = { _ in false },
        _ body: (Int, MessageType, UnsafeRawBufferPointer) throws -> Void
    ) throws -> Bool {
        if discarding > 0 {
            let count = try sink.discard(discarding, from: socket.rawValue)
            discarding -= count
            return count > 0
        }
        guard try fill() else { return false }
        while inputEnd - inputStart >= Protocol9P.headerSize {
            let whole = unsafe UnsafeRawBufferPointer(rebasing: input[inputStart..<inputEnd])
            var reader = unsafe WireReader(whole)
            let header = MessageHeader(from: &reader)
            let size = Int(header.size)
            guard size >= Protocol9P.headerSize, let type = header.type else {
                throw BenchFailure("what came is no reply")
            }
            let slot = Int(header.tag)
            if size > whole.count {
                guard type == .rread, whole.count >= Protocol9P.readHeaderSize, discard(slot)
                else { break }
                discarding = size - whole.count
            }
            inputStart += min(size, whole.count)
            let bytes = unsafe UnsafeRawBufferPointer(
                rebasing: whole[Protocol9P.headerSize..<min(size, whole.count)]
            )
            try unsafe body(slot, type, bytes)
        }
        return true
    }

    private func fill() throws -> Bool {
        if inputStart > 0 {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: input[inputStart..<inputEnd])
            unsafe input.copyMemory(from: rest)
            inputEnd -= inputStart
            inputStart = 0
        }
        var limit = readAhead
        if inputEnd >= Protocol9P.headerSize {
            // The rest of a message that is wanted whole.
            var reader = unsafe WireReader(UnsafeRawBufferPointer(rebasing: input[..<inputEnd]))
            limit = max(limit, Int(MessageHeader(from: &reader).size) - inputEnd)
        }
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: input[inputEnd...].prefix(limit))
        let count = try unsafe read(room)
        inputEnd += count
        return count > 0
    }

    /// - Returns: 0 when there is nothing for now.
    private func read(_ room: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        do throws(Errno) {
            let count = try syscall {
                unsafe recv(socket.rawValue, room.baseAddress, room.count, CInt(MSG_DONTWAIT))
            }
            if count == 0 { throw .connectionReset }
            return count
        } catch {
            if error == .resourceTemporarilyUnavailable { return 0 }
            throw error
        }
    }
}
