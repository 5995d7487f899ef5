import NineP

/// What one client knows of its session: judges every reply by it.
struct ClientModel {
    enum Use: Equatable {
        case walked
        /// Since the request with that serial number.
        case opening(Int)
        case file
        case directory
        /// The value's length in bytes; nil where the host decides.
        case attribute(Int?)
    }

    struct Fid {
        var node: ModelNode
        /// Index in the export table.
        var export: Int
        var use = Use.walked
    }

    struct Pending {
        let serial: Int
        let tag: UInt16
        let bytes: [UInt8]
        /// Its reply is to come whenever the gate opens.
        var isUnderWay = false
    }

    let limits: FuzzLimits
    let exports: [FuzzExport]
    /// 0 before Tversion.
    var messageSize: UInt32 = 0
    var fids: [UInt32: Fid] = [:]
    var attributeBytes = 0
    /// In the order they were sent.
    var pending: [Pending] = []
    private var serial = 0

    init(limits: FuzzLimits, exports: [FuzzExport]) {
        self.limits = limits
        self.exports = exports
    }

    mutating func sent(_ bytes: [UInt8]) {
        serial += 1
        let tag = UInt16(bytes[5]) | UInt16(bytes[6]) << 8
        pending.append(Pending(serial: serial, tag: tag, bytes: bytes))
    }

    /// Those of the requests that wait for the gate.
    var underWayOpens: [Pending] { pending.filter { $0.isUnderWay && $0.isOpen } }

    mutating func set(_ fid: Fid, at number: UInt32) {
        release(number)
        fids[number] = fid
        if case .attribute(let count) = fid.use { attributeBytes += count ?? 0 }
    }

    mutating func release(_ number: UInt32) {
        if case .attribute(let count) = fids.removeValue(forKey: number)?.use {
            attributeBytes -= count ?? 0
        }
    }

    mutating func reset() {
        fids = [:]
        attributeBytes = 0
        messageSize = 0
    }
}

extension ClientModel.Pending {
    var isOpen: Bool { bytes[4] == MessageType.tlopen.rawValue }

    /// Calls `body` with the request's header and body, decoded; nil where it is malformed.
    func decoded<Result>(_ body: (MessageHeader, Request?, WireReader) -> Result) -> Result {
        bytes.withUnsafeBytes { memory in
            var reader = WireReader(memory)
            let header = MessageHeader(from: &reader)
            var cursor = reader
            let request = header.type.flatMap { $0.isRequest ? Request($0, from: &cursor) : nil }
            return body(header, request, reader)
        }
    }
}

/// Limits small enough to be met within a conversation.
struct FuzzLimits: Sendable {
    let messageSize: UInt32 = 80_000
    let fids = 24
    let attributeBytes = 150_000
    let connections = 3
    let opens = 3
    let replies = 24
    let replyBytes = 300_000
}

/// One row of the export table.
struct FuzzExport {
    let name: String
    let top: ModelNode
}
