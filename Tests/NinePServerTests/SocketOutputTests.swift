import ByteStream
import CLinux
import Synchronization
import SystemIO
import SystemPackage
import Testing

@testable import NinePServer

@Suite struct SocketOutputTests {
    private let ours: SharedFD
    private let theirs: SharedFD

    init() throws {
        clinux_ignore_signal(SIGPIPE)
        var ends: [CInt] = [-1, -1]
        try syscall { socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) }
        ours = SharedFD(OwnedFD(ends[0]))
        theirs = SharedFD(OwnedFD(ends[1]))
    }

    private func message(_ count: Int, file: FileSlice? = nil) -> OutgoingMessage {
        let buffer = MessageBuffer(capacity: count)
        buffer.count = count
        return OutgoingMessage(buffer, file: file)
    }

    @Test func sendsSoMuchAtATime() throws {
        var output = SocketOutput(socket: ours, turn: 2000)
        for _ in 0..<200 { output.append(message(100)) }
        output.flush()
        #expect(output.isUnfinished && !output.isBlocked)
        #expect(output.byteCount > 0 && output.byteCount <= 20_000 - 2000)
        while output.isUnfinished { output.flush() }
        #expect(output.byteCount == 0)
    }

    /// By a copy, and by `sendfile`.
    @Test(arguments: [100, 100_000])
    func aFileThatCannotBeReadEndsTheConnection(_ count: Int) throws {
        var output = SocketOutput(socket: ours)
        let unreadable = SharedFD(try OwnedFD.open("/dev/null", O_WRONLY))
        output.append(message(11, file: FileSlice(file: unreadable, offset: 0, count: count)))
        output.flush()
        #expect(output.isBroken)
        #expect(output.byteCount == 0)
    }
}

/// Counts what it has accepted and what has ended.
private final class CountingService: StreamService, StreamHandler {
    let open = Atomic(0)

    func accept(_ connection: any StreamConnection) -> (any StreamHandler)? {
        open.wrappingAdd(1, ordering: .relaxed)
        return self
    }

    func received(_ bytes: UnsafeRawBufferPointer) -> Int { bytes.count }
    func closed() { open.wrappingSubtract(1, ordering: .relaxed) }
}

@Suite struct SocketListenerEndTests {
    private func client() throws -> OwnedFD {
        var ends: [CInt] = [-1, -1]
        try syscall { socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) }
        close(ends[1])
        return OwnedFD(ends[0])
    }

    @Test func connectionsThatComeAtTheEndAreClosed() throws {
        let service = CountingService()
        for _ in 0..<20 {
            let listener = try SocketListener(service: service, threads: 1)
            for number in 0..<20 {
                listener.adopt(try client(), peer: "\(number)")
            }
            listener.stop()
            listener.adopt(try client(), peer: "late")
        }
        #expect(service.open.load(ordering: .relaxed) == 0)
    }
}
