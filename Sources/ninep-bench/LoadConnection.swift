import CLinux
import NineP
import SystemIO
import SystemPackage

/// One connection of the load; a slot is one outstanding request, its number the tag.
@safe final class LoadConnection {
    struct Slot {
        var offset: UInt64 = 0
        var remaining = 0
    }

    static let largeFid: UInt32 = 100_000

    let socket: OwnedFD
    var slots: [Slot]
    // SAFETY: both live as long as the connection, which one thread uses.
    private let output: UnsafeMutableRawBufferPointer
    private var outputCount = 0
    private let input: UnsafeMutableRawBufferPointer
    private var inputStart = 0
    private var inputEnd = 0

    init(_ path: FilePath, messageSize: UInt32, depth: Int) throws {
        socket = try UnixSocket.connect(to: path)
        slots = Array(repeating: Slot(), count: depth)
        unsafe output = .allocate(byteCount: depth * 4096, alignment: 16)
        unsafe input = .allocate(byteCount: Int(messageSize) * 2 + (256 << 10), alignment: 16)
        let flags = clinux_fcntl(socket.rawValue, F_GETFL, 0)
        try syscall { clinux_fcntl(socket.rawValue, F_SETFL, flags & ~O_NONBLOCK) }
        try unsafe call {
            $0.tversion(tag: $1, messageSize: messageSize, version: Array("9P2000.L".utf8))
        }
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

    /// Opens the large file as `largeFid`; returns its size.
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

    private func call(
        _ write: (inout WireWriter, UInt16) -> Void,
        _ body: (MessageType, UnsafeRawBufferPointer) -> Void = { _, _ in }
    ) throws {
        request(0, write)
        try flush()
        var isAnswered = false
        while !isAnswered {
            try unsafe receive { _, type, bytes in
                if type == .rlerror { throw ProtocolFailure(what: "refused") }
                unsafe body(type, bytes)
                isAnswered = true
            }
        }
    }

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
            done += try syscall {
                unsafe write(
                    socket.rawValue,
                    output.baseAddress.map { unsafe $0 + done },
                    outputCount - done
                )
            }
        }
        outputCount = 0
    }

    /// Receives once and passes each whole message's slot, type and body.
    func receive(_ body: (Int, MessageType, UnsafeRawBufferPointer) throws -> Void) throws {
        if inputStart > 0 {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: input[inputStart..<inputEnd])
            unsafe input.copyMemory(from: rest)
            inputEnd -= inputStart
            inputStart = 0
        }
        let count = try syscall {
            unsafe recv(
                socket.rawValue,
                input.baseAddress.map { unsafe $0 + inputEnd },
                input.count - inputEnd,
                0
            )
        }
        if count == 0 { throw ProtocolFailure(what: "the server hung up") }
        inputEnd += count
        while inputEnd - inputStart >= Protocol9P.headerSize {
            let whole = unsafe UnsafeRawBufferPointer(rebasing: input[inputStart..<inputEnd])
            var reader = unsafe WireReader(whole)
            let header = MessageHeader(from: &reader)
            let size = Int(header.size)
            guard size >= Protocol9P.headerSize, let type = header.type else {
                throw ProtocolFailure(what: "not a reply")
            }
            if size > whole.count { break }
            inputStart += size
            let bytes = unsafe UnsafeRawBufferPointer(
                rebasing: whole[Protocol9P.headerSize..<size]
            )
            try unsafe body(Int(header.tag), type, bytes)
        }
    }
}
