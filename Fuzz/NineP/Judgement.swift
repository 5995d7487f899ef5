import ByteStream
import CLinux
import FuzzSupport
import NineP

/// One reply, checked against the state of the client, which it changes.
extension ClientModel {
    mutating func judge(_ message: OutgoingMessage, _ memory: FuzzMemory) throws(Violation) {
        let bytes = Array(message.buffer.bytes)
        guard let (header, _) = bytes.withUnsafeBytes({ MessageHeader.parse($0) }),
            let type = header.type
        else { throw Violation("no reply: \(bytes.prefix(16))") }
        try require(Int(header.size) == message.byteCount, "the size of \(type) is a lie")
        let index = try place(type, tag: header.tag)
        for earlier in 0..<index where !pending[earlier].isUnderWay { try begin(earlier) }
        let request = pending[index]
        memory.trace?(request.bytes.withUnsafeBytes { messageText($0) })
        memory.trace?("    " + bytes.withUnsafeBytes { messageText($0) })
        defer { pending.removeAll { $0.serial == request.serial } }
        let expected = request.decoded { header, decoded, reader in
            expectation(header, decoded, reader, length: request.bytes.count)
        }
        let isLate = request.isUnderWay
        let asked = MessageType(rawValue: request.bytes[4])
        if type == .rlerror {
            let code = Int32(bitPattern: try decode(type, bytes).errno)
            try require(code > 0, "errno \(code)")
            memory.tally.refusals += 1
            let isFailedOpen = isLate && request.isOpen
            try require(
                isFailedOpen || expected == .refused(code) || expected == .either
                    || asked == .treaddir && code == EINVAL,
                "\(asked.map { "\($0)" } ?? "a request"): errno \(code), expected \(expected)"
            )
            refused(request)
        } else {
            try require(type == asked?.reply, "\(type) for \(String(describing: asked))")
            if !(isLate && request.isOpen) {
                try require(
                    expected == .success || expected == .either,
                    "\(type), expected \(expected)"
                )
            }
            try accepted(request, type, bytes, message.file, memory)
        }
        let largest = messageSize == 0 ? limits.messageSize : messageSize
        try require(message.byteCount <= Int(largest), "\(type) is longer than agreed")
    }

    /// Which request that is the reply to.
    private func place(_ type: MessageType, tag: UInt16) throws(Violation) -> Int {
        let candidates = pending.indices.filter { pending[$0].tag == tag }
        let index =
            if type == .rlerror {
                // What waits for the gate is answered last.
                candidates.first { !pending[$0].isUnderWay } ?? candidates.first
            } else {
                candidates.first { MessageType(rawValue: pending[$0].bytes[4])?.reply == type }
            }
        guard let index else {
            throw Violation("\(type) with tag \(tag), which nobody has asked for")
        }
        return index
    }

    /// A later request was answered first: this one has to be one that may take long.
    private mutating func begin(_ index: Int) throws(Violation) {
        let request = pending[index]
        let isSlowOpen = request.decoded { _, decoded, _ in
            guard case .lopen(let number, let flags) = decoded, let fid = fids[number],
                fid.use == .walked, fid.node.isSlow, flags & 0o201103 == 0
            else { return false }
            return true
        }
        let isWaitingFlush = request.decoded { _, decoded, _ in
            guard case .flush(let old) = decoded else { return false }
            return pending[..<index].contains { $0.isUnderWay && $0.isOpen && $0.tag == old }
        }
        try require(
            isSlowOpen || isWaitingFlush,
            "type \(request.bytes[4]) with tag \(request.tag) was passed over"
        )
        pending[index].isUnderWay = true
        if isSlowOpen {
            let number = request.decoded { _, decoded, _ in
                if case .lopen(let number, _) = decoded { number } else { UInt32(0) }
            }
            fids[number]?.use = .opening(request.serial)
        }
    }

    /// The end of all that is sent: what is left has to wait for the gate.
    mutating func beginAll() throws(Violation) {
        for index in pending.indices where !pending[index].isUnderWay { try begin(index) }
    }

    private mutating func refused(_ request: Pending) {
        request.decoded { header, decoded, reader in
            // remove(5) gives the fid up even so; version(5) begins anew.
            switch decoded {
            case .remove(let number) where messageSize != 0: release(number)
            case .version: startOver()
            case .lopen(let number, _):
                if fids[number]?.use == .opening(request.serial) { fids[number]?.use = .walked }
            default:
                // Served without being understood: a body that is too long.
                if header.type == .tremove, messageSize != 0, request.bytes.count >= 11 {
                    var reader = reader
                    release(reader.u32())
                }
            }
        }
    }

    /// Nothing that was asked before is answered any more.
    mutating func startOver() {
        reset()
        pending.removeAll { $0.isUnderWay }
    }

    func decode(_ type: MessageType, _ bytes: [UInt8]) throws(Violation) -> Decoded {
        let decoded = bytes.withUnsafeBytes { memory -> Decoded? in
            guard let (_, reader) = MessageHeader.parse(memory) else { return nil }
            var cursor = reader
            return Reply(type, from: &cursor).map { Decoded(reply: $0, bytes: bytes) }
        }
        guard let decoded else { throw Violation("\(type) does not decode: \(bytes.prefix(64))") }
        return decoded
    }
}

/// A reply with its bytes.
struct Decoded {
    let reply: Reply
    let bytes: [UInt8]

    var errno: UInt32 { if case .error(let code) = reply { code } else { 0 } }
    func copy(_ field: WireBytes) -> [UInt8] { Array(bytes[field.offset...].prefix(field.count)) }
}

extension MessageHeader {
    /// The header of a whole message, and a reader behind it.
    static func parse(
        _ memory: UnsafeRawBufferPointer
    ) -> (header: MessageHeader, reader: WireReader)? {
        guard memory.count >= Protocol9P.headerSize else { return nil }
        var reader = WireReader(memory)
        return (MessageHeader(from: &reader), reader)
    }
}
