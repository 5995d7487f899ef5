/// The vhost-user protocol as a backend hears it. Source: QEMU's docs/interop/vhost-user.rst.
enum VhostUser {
    /// Request numbers of the messages a frontend sends.
    enum Request {
        static let getFeatures: UInt32 = 1
        static let setFeatures: UInt32 = 2
        static let setOwner: UInt32 = 3
        static let resetOwner: UInt32 = 4
        static let setMemoryTable: UInt32 = 5
        static let setVringSize: UInt32 = 8
        static let setVringAddress: UInt32 = 9
        static let setVringBase: UInt32 = 10
        static let getVringBase: UInt32 = 11
        static let setVringKick: UInt32 = 12
        static let setVringCall: UInt32 = 13
        static let setVringError: UInt32 = 14
        static let getProtocolFeatures: UInt32 = 15
        static let setProtocolFeatures: UInt32 = 16
        static let getQueueCount: UInt32 = 17
        static let setVringEnable: UInt32 = 18
        static let setBackendRequestChannel: UInt32 = 21
        static let getConfiguration: UInt32 = 24
    }

    /// Bits of the header's flags: version 1 in the lowest two.
    enum Flag {
        static let version: UInt32 = 0x1
        static let versionMask: UInt32 = 0x3
        static let reply: UInt32 = 0x4
        static let needsReply: UInt32 = 0x8
    }

    /// Virtio and vhost feature bits.
    enum Feature {
        static let indirectDescriptors: UInt64 = 1 << 28
        static let eventIndex: UInt64 = 1 << 29
        static let protocolFeatures: UInt64 = 1 << 30
        static let version1: UInt64 = 1 << 32
    }

    enum ProtocolFeature {
        static let replyAcknowledgement: UInt64 = 1 << 3
        /// Without it virtio_uml gives the device no interrupt.
        static let backendRequests: UInt64 = 1 << 5
        static let configuration: UInt64 = 1 << 9
    }

    static let headerSize = 12
    /// Longer payloads than any message that is understood (a full memory table has 264 bytes).
    static let maximumPayload = 4096
    static let maximumRegions = 8
    /// In the payload of SET_VRING_KICK and its like: no descriptor comes with the message.
    static let noDescriptor: UInt64 = 1 << 8
}

/// Why a frontend's message was not understood or not carried out.
enum VhostUserError: Error, Equatable {
    case badVersion(flags: UInt32)
    case payloadTooLong(request: UInt32, size: UInt32)
    case payloadTooShort(request: UInt32, size: Int)
    case badQueue(UInt64)
    case badQueueSize(UInt32)
    case tooManyRegions(UInt32)
    case missingDescriptors(request: UInt32)
    case unmappable(region: Int, errno: CInt)
    case regionOutsideFile(region: Int)
    case ringOutsideMemory(queue: Int)
    case unsupportedFeatures(UInt64)
    case unsupportedRequest(UInt32)
    case noFile(queue: Int)
}

/// The header before every message, in both directions.
struct VhostUserHeader: Equatable {
    var request: UInt32
    var flags: UInt32
    var size: UInt32

    init(request: UInt32, flags: UInt32, size: UInt32) {
        self.request = request
        self.flags = flags
        self.size = size
    }

    /// - Parameter bytes: at least ``VhostUser/headerSize`` of them.
    init(decoding bytes: [UInt8]) throws(VhostUserError) {
        let reader = LittleEndianReader(bytes: bytes)
        guard let request = reader.integer(at: 0, as: UInt32.self),
            let flags = reader.integer(at: 4, as: UInt32.self),
            let size = reader.integer(at: 8, as: UInt32.self)
        else { throw .payloadTooShort(request: 0, size: bytes.count) }
        guard flags & VhostUser.Flag.versionMask == VhostUser.Flag.version else {
            throw .badVersion(flags: flags)
        }
        guard size <= VhostUser.maximumPayload else {
            throw .payloadTooLong(request: request, size: size)
        }
        self.init(request: request, flags: flags, size: size)
    }

    var needsReply: Bool { flags & VhostUser.Flag.needsReply != 0 }

    /// A whole reply. Its flags are version and reply bit and nothing else: QEMU refuses an echoed
    /// need_reply bit, and then vhost silently does not start.
    static func reply(to request: UInt32, payload: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendLittleEndian(request)
        bytes.appendLittleEndian(VhostUser.Flag.version | VhostUser.Flag.reply)
        bytes.appendLittleEndian(UInt32(payload.count))
        return bytes + payload
    }
}
