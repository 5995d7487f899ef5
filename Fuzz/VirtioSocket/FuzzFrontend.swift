import CLinux
import FuzzSupport
import SystemIO
import SystemPackage

@testable import VirtioSocket

/// Plays the frontend at the other end of a device's socket: a start as QEMU does it, and any other
/// message, with any descriptors.
final class FuzzFrontend {
    private let guest: GuestSimulator
    private let socket: OwnedFD
    private let kicks: [EventFD]
    /// Requests that are to be answered, in order.
    private var asked: [UInt32] = []
    /// Nonsense may be a request by chance, and have what follows for its payload: from then on nobody knows
    /// what has been asked.
    private var hasSentNonsense = false

    init(_ guest: GuestSimulator, socket: consuming OwnedFD) throws(Errno) {
        self.guest = guest
        self.socket = socket
        kicks = [try EventFD(), try EventFD(), try EventFD()]
    }

    /// The messages of a driver's start, for both queues.
    func start() -> [(request: UInt32, payload: [UInt8], files: [CInt])] {
        var messages: [(request: UInt32, payload: [UInt8], files: [CInt])] = [
            (VhostUser.Request.getFeatures, [], []),
            (
                VhostUser.Request.setProtocolFeatures,
                Self.bytes([], [FrontendSession.offeredProtocolFeatures]), []
            ),
            (VhostUser.Request.setOwner, [], []),
            (
                VhostUser.Request.setFeatures, Self.bytes([], [FrontendSession.offeredFeatures]), []
            ),
            (VhostUser.Request.setMemoryTable, table(guest.seam), files(2)),
        ]
        for (queue, ring) in [guest.receive, guest.transmit].enumerated() {
            let number = UInt32(queue)
            let addresses = guest.addresses(ring)
            messages += [
                (VhostUser.Request.setVringSize, Self.bytes([number, 16], []), []),
                (VhostUser.Request.setVringBase, Self.bytes([number, 0], []), []),
                (
                    VhostUser.Request.setVringAddress,
                    Self.bytes(
                        [number, 0],
                        [addresses.descriptors, addresses.used, addresses.available, 0]
                    ), []
                ),
                (
                    VhostUser.Request.setVringCall, Self.bytes([], [UInt64(queue)]),
                    [kicks[2].rawValue]
                ),
                (
                    VhostUser.Request.setVringKick, Self.bytes([], [UInt64(queue)]),
                    [kicks[queue].rawValue]
                ),
                (VhostUser.Request.setVringEnable, Self.bytes([number, 1], []), []),
            ]
        }
        return messages
    }

    private func files(_ count: Int) -> [CInt] {
        [CInt](repeating: guest.file.rawValue, count: count)
    }

    /// Two regions that meet at `seam`.
    private func table(_ seam: Int) -> [UInt8] {
        let first = UInt64(seam)
        let second = UInt64(GuestSimulator.size) - first
        let (guestBase, userBase) = (GuestSimulator.guestBase, GuestSimulator.userBase)
        return Self.bytes(
            [2, 0],
            [guestBase, first, userBase, 0, guestBase + first, second, userBase + first, first]
        )
    }

    static func bytes(_ words: [UInt32], _ longs: [UInt64]) -> [UInt8] {
        var bytes: [UInt8] = []
        for word in words { bytes.appendLittleEndian(word) }
        for long in longs { bytes.appendLittleEndian(long) }
        return bytes
    }

    /// One of the start's messages, as it is or damaged, or any other.
    func message(_ choices: inout Choices) {
        var (request, payload, files) = choices.pick(start())
        switch choices.below(8) {
        case 0: request = UInt32(choices.below(28))
        case 1:
            let others: [(UInt32, [UInt8])] = [
                (VhostUser.Request.getVringBase, Self.bytes([UInt32(choices.below(4)), 0], [])),
                (VhostUser.Request.resetOwner, []),
                (VhostUser.Request.getConfiguration, Self.bytes([0, 8, 0], [0])),
                (VhostUser.Request.getQueueCount, []),
                (VhostUser.Request.getProtocolFeatures, []),
                (VhostUser.Request.setBackendRequestChannel, []),
            ]
            (request, payload) = choices.pick(others)
            files = request == VhostUser.Request.setBackendRequestChannel ? self.files(1) : []
        case 2:
            if !payload.isEmpty { payload[choices.below(payload.count)] = choices.byte() }
        case 3:
            if payload.count >= 8 {
                let at = choices.below(payload.count / 8) * 8
                for index in 0..<8 { payload[at + index] = choices.byte() }
            }
        case 4: payload = (0..<choices.below(80)).map { _ in choices.byte() }
        case 5: files = self.files(choices.below(9))
        case 6: files = [kicks[choices.below(3)].rawValue]
        default: break
        }
        send(request, needsReply: choices.oneIn(2), payload, files)
        if choices.oneIn(128) {
            let nonsense = (0..<12).map { _ in choices.byte() }
            sendRaw(nonsense, [])
            hasSentNonsense = true
        }
    }

    func send(
        _ request: UInt32,
        needsReply: Bool = false,
        _ payload: [UInt8],
        _ files: [CInt]
    ) {
        asked.append(request)
        let flags = VhostUser.Flag.version | (needsReply ? VhostUser.Flag.needsReply : 0)
        sendRaw(Self.bytes([request, flags, UInt32(payload.count)], []) + payload, files)
    }

    private func sendRaw(_ bytes: [UInt8], _ files: [CInt]) {
        _ = clinux_send_fds(
            socket.rawValue,
            bytes,
            bytes.count,
            files,
            CInt(files.count),
            CInt(MSG_DONTWAIT)
        )
    }

    /// Replies are whole, to requests that were sent, in their order.
    func takeReplies() throws(Violation) {
        while true {
            var header = [UInt8](repeating: 0, count: VhostUser.headerSize)
            guard recv(socket.rawValue, &header, header.count, CInt(MSG_DONTWAIT)) == header.count
            else { return }
            let reader = LittleEndianReader(bytes: header)
            let request = reader.integer(at: 0, as: UInt32.self) ?? 0
            let size = Int(reader.integer(at: 8, as: UInt32.self) ?? 0)
            try require(
                reader.integer(at: 4, as: UInt32.self) == 5,
                "a reply with flags \(header[4...])"
            )
            if let index = asked.firstIndex(of: request) {
                asked.removeFirst(index + 1)
            } else if !hasSentNonsense {
                throw Violation("a reply to request \(request), which nobody has made")
            }
            try require(size <= 512, "a reply of \(size) bytes")
            var payload = [UInt8](repeating: 0, count: size)
            if size > 0 {
                try require(
                    recv(socket.rawValue, &payload, size, CInt(MSG_DONTWAIT)) == size,
                    "a reply that is not whole"
                )
            }
        }
    }
}
