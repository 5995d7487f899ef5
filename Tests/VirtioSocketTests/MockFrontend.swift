import CLinux
import SystemIO
import SystemPackage

@testable import VirtioSocket
@testable import VirtioSocketFuzzing

/// Plays QEMU: speaks vhost-user to a device's socket for a simulated guest.
final class MockFrontend {
    let guest: GuestSimulator
    private let socket: OwnedFD
    let kicks: [EventFD]
    let calls: [EventFD]

    enum Failure: Error { case noReply, closed }

    init(socketPath: String, guest: GuestSimulator) throws {
        self.guest = guest
        socket = try UnixSocket.connect(to: FilePath(socketPath))
        kicks = try (0..<2).map { _ in try EventFD() }
        calls = try (0..<2).map { _ in try EventFD() }
    }

    func send(_ request: UInt32, flags: UInt32 = 1, _ payload: [UInt8], files: [CInt] = []) throws {
        var bytes: [UInt8] = []
        bytes.appendLittleEndian(request)
        bytes.appendLittleEndian(flags)
        bytes.appendLittleEndian(UInt32(payload.count))
        try sendRaw(bytes + payload, files: files)
    }

    func sendRaw(_ bytes: [UInt8], files: [CInt] = []) throws {
        try syscall {
            clinux_send_fds(socket.rawValue, bytes, bytes.count, files, CInt(files.count), 0)
        }
    }

    /// Waits at most two seconds for a whole reply, or for the connection's end.
    func reply() throws -> (header: VhostUserHeader, payload: [UInt8]) {
        let header = try VhostUserHeader(decoding: try read(VhostUser.headerSize))
        return (header, try read(Int(header.size)))
    }

    private func read(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            guard wait(socket.rawValue) else { throw Failure.noReply }
            var chunk = [UInt8](repeating: 0, count: count - bytes.count)
            let received = try syscall { recv(socket.rawValue, &chunk, chunk.count, 0) }
            guard received > 0 else { throw Failure.closed }
            bytes += chunk.prefix(received)
        }
        return bytes
    }

    private func wait(_ fd: CInt) -> Bool {
        var descriptor = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
        return poll(&descriptor, 1, 2000) == 1
    }

    func ask(_ request: UInt32, _ payload: [UInt8] = []) throws -> [UInt8] {
        try send(request, payload)
        return try reply().payload
    }

    /// What QEMU 7.2 sends before and at the driver's start, with an acknowledgement for the table.
    func start(features: UInt64 = FrontendSession.offeredFeatures) throws {
        _ = try ask(1)
        _ = try ask(15)
        try send(16, VhostUserMessageTests.bytes(FrontendSession.offeredProtocolFeatures))
        try send(3, [])
        try send(2, VhostUserMessageTests.bytes(features))
        try sendMemoryTable()
        _ = try reply()
        for index in 0..<2 { try startQueue(index) }
    }

    func sendMemoryTable() throws {
        let payload = VhostUserMessageTests.bytes(
            GuestSimulator.guestBase,
            UInt64(GuestSimulator.size),
            GuestSimulator.userBase,
            0,
            prefix: [1, 0]
        )
        try send(5, flags: 9, payload, files: [guest.file.rawValue])
    }

    func startQueue(_ index: Int, base: UInt32 = 0) throws {
        let ring = index == 0 ? guest.receive : guest.transmit
        let addresses = guest.addresses(ring)
        let number = UInt32(index)
        try send(8, VhostUserMessageTests.bytes(prefix: [number, UInt32(guest.queueSize)]))
        try send(10, VhostUserMessageTests.bytes(prefix: [number, base]))
        try send(
            9,
            VhostUserMessageTests.bytes(
                addresses.descriptors,
                addresses.used,
                addresses.available,
                0,
                prefix: [number, 0]
            )
        )
        let value = VhostUserMessageTests.bytes(UInt64(index))
        try send(13, value, files: [calls[index].rawValue])
        try send(12, value, files: [kicks[index].rawValue])
        try send(18, VhostUserMessageTests.bytes(prefix: [number, 1]))
    }

    /// Sends a packet and waits for what comes back, at most two seconds.
    func exchange(
        _ header: VsockHeader,
        _ payload: [UInt8] = []
    ) -> [(header: VsockHeader, payload: [UInt8])] {
        guest.setUsedEvent(guest.receive, guest.receive.used)
        guest.send(header, payload)
        kicks[1].signal()
        guard wait(calls[0].rawValue) else { return [] }
        calls[0].drain()
        let packets = guest.takeReceived()
        guest.postReceiveBuffers(packets.count)
        kicks[0].signal()
        return packets
    }
}
