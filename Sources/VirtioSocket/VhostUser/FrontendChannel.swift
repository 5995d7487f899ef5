import CLinux
import SystemIO
import SystemPackage

/// The socket to the frontend: cuts it into messages with the descriptors that came beside them.
final class FrontendChannel {
    /// One whole message.
    struct Message {
        let header: VhostUserHeader
        let payload: [UInt8]
        let files: [SharedFD]
    }

    enum Failure: Error {
        /// The frontend has closed the connection.
        case closed
        case socket(Errno)
        case message(VhostUserError)
    }

    private let socket: OwnedFD
    private var bytes: [UInt8] = []
    private var header: VhostUserHeader?
    private var files: [SharedFD] = []

    init(_ socket: consuming OwnedFD) { self.socket = socket }

    var rawValue: CInt { socket.rawValue }

    /// The next message, or nil when the rest of it has not come yet.
    func next() throws(Failure) -> Message? {
        if header == nil {
            guard try fill(to: VhostUser.headerSize) else { return nil }
            do { header = try VhostUserHeader(decoding: bytes) } catch { throw .message(error) }
            bytes = []
        }
        guard let header, try fill(to: Int(header.size)) else { return nil }
        defer {
            self.header = nil
            bytes = []
            files = []
        }
        return Message(header: header, payload: bytes, files: files)
    }

    /// Reads until there are `count` bytes, and no further: descriptors belong to the message
    /// whose header they come with.
    private func fill(to count: Int) throws(Failure) -> Bool {
        while bytes.count < count {
            let received: Int
            do throws(Errno) {
                received = try receive(count - bytes.count)
            } catch {
                if error == .wouldBlock { return false }
                // A frontend that is killed resets the connection.
                throw error == .connectionReset ? .closed : .socket(error)
            }
            guard received > 0 else { throw .closed }
        }
        return true
    }

    private func receive(_ limit: Int) throws(Errno) -> Int {
        var descriptors = InlineArray<16, CInt>(repeating: -1)
        var descriptorCount: CInt = 16
        var received = 0
        var span = descriptors.mutableSpan
        // SAFETY: the array has room for `limit` bytes, the span for 16 descriptors; the call
        // writes no more and says how many.
        let chunk = try unsafe [UInt8](unsafeUninitializedCapacity: limit) {
            buffer,
            count throws(Errno) in
            count = 0
            received = try unsafe span.withUnsafeMutableBufferPointer { fds throws(Errno) in
                try syscall {
                    unsafe clinux_recv_fds(
                        socket.rawValue,
                        buffer.baseAddress,
                        limit,
                        fds.baseAddress,
                        &descriptorCount,
                        CInt(MSG_DONTWAIT)
                    )
                }
            }
            count = received
        }
        for index in 0..<Int(descriptorCount) {
            files.append(SharedFD(OwnedFD(descriptors[index])))
        }
        bytes += chunk
        return received
    }

    /// Sends one whole reply with one system call, as QEMU 7.2 reads it with one.
    func send(_ reply: [UInt8]) throws(Failure) {
        let count: Int
        do throws(Errno) {
            count = try syscall {
                unsafe reply.withUnsafeBytes {
                    unsafe clinux_send_fds(
                        socket.rawValue,
                        $0.baseAddress,
                        $0.count,
                        nil,
                        0,
                        CInt(MSG_DONTWAIT)
                    )
                }
            }
        } catch {
            throw error == .brokenPipe ? .closed : .socket(error)
        }
        guard count == reply.count else { throw .closed }
    }
}
