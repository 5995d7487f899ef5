/// One region of the guest's memory as SET_MEM_TABLE describes it, in bytes.
struct MemoryRegionDescription: Equatable {
    var guestAddress: UInt64
    var size: UInt64
    /// Where the frontend has it in its own address space: ring addresses refer to this.
    var userAddress: UInt64
    /// Of the region's start in the file that comes with it.
    var fileOffset: UInt64
}

/// Where a virtqueue's three parts are, in the frontend's address space.
struct VringAddresses: Equatable {
    var descriptors: UInt64
    var used: UInt64
    var available: UInt64
}

/// A frontend's message, decoded; descriptors beside it are not part of it.
enum FrontendMessage: Equatable {
    case getFeatures
    case setFeatures(UInt64)
    case setOwner
    case resetOwner
    case setMemoryTable([MemoryRegionDescription])
    case setVringSize(queue: Int, UInt32)
    case setVringAddresses(queue: Int, VringAddresses)
    case setVringBase(queue: Int, UInt32)
    case getVringBase(queue: Int)
    /// `hasFile` is false where the frontend has no eventfd to give.
    case setVringKick(queue: Int, hasFile: Bool)
    case setVringCall(queue: Int, hasFile: Bool)
    case setVringError(queue: Int, hasFile: Bool)
    case getProtocolFeatures
    case setProtocolFeatures(UInt64)
    case getQueueCount
    case setVringEnabled(queue: Int, Bool)
    case setBackendRequestChannel
    case getConfiguration(offset: UInt32, size: UInt32, flags: UInt32)
}

extension FrontendMessage {
    /// - Parameter queueCount: queues the device has; others are refused.
    init(request: UInt32, payload: [UInt8], queueCount: Int) throws(VhostUserError) {
        let fields = PayloadReader(request: request, payload: payload, queueCount: queueCount)
        switch request {
        case VhostUser.Request.getFeatures: self = .getFeatures
        case VhostUser.Request.setFeatures: self = .setFeatures(try fields.u64(0))
        case VhostUser.Request.setOwner: self = .setOwner
        case VhostUser.Request.resetOwner: self = .resetOwner
        case VhostUser.Request.setMemoryTable: self = .setMemoryTable(try fields.regions())
        case VhostUser.Request.setVringSize:
            self = .setVringSize(queue: try fields.queue(), try fields.u32(4))
        case VhostUser.Request.setVringAddress:
            self = .setVringAddresses(queue: try fields.queue(), try fields.addresses())
        case VhostUser.Request.setVringBase:
            self = .setVringBase(queue: try fields.queue(), try fields.u32(4))
        case VhostUser.Request.getVringBase: self = .getVringBase(queue: try fields.queue())
        case VhostUser.Request.setVringKick:
            let (queue, hasFile) = try fields.queueAndFile()
            self = .setVringKick(queue: queue, hasFile: hasFile)
        case VhostUser.Request.setVringCall:
            let (queue, hasFile) = try fields.queueAndFile()
            self = .setVringCall(queue: queue, hasFile: hasFile)
        case VhostUser.Request.setVringError:
            let (queue, hasFile) = try fields.queueAndFile()
            self = .setVringError(queue: queue, hasFile: hasFile)
        case VhostUser.Request.getProtocolFeatures: self = .getProtocolFeatures
        case VhostUser.Request.setProtocolFeatures: self = .setProtocolFeatures(try fields.u64(0))
        case VhostUser.Request.getQueueCount: self = .getQueueCount
        case VhostUser.Request.setVringEnable:
            self = .setVringEnabled(queue: try fields.queue(), try fields.u32(4) != 0)
        case VhostUser.Request.setBackendRequestChannel: self = .setBackendRequestChannel
        case VhostUser.Request.getConfiguration:
            self = .getConfiguration(
                offset: try fields.u32(0),
                size: try fields.u32(4),
                flags: try fields.u32(8)
            )
        default: throw .unsupportedRequest(request)
        }
    }

    /// Whether the message has a reply of its own, and so no acknowledgement.
    static func hasReply(request: UInt32) -> Bool {
        switch request {
        case VhostUser.Request.getFeatures, VhostUser.Request.getVringBase,
            VhostUser.Request.getProtocolFeatures, VhostUser.Request.getQueueCount,
            VhostUser.Request.getConfiguration:
            true
        default: false
        }
    }
}

/// Takes the fields out of one message's payload.
private struct PayloadReader {
    let request: UInt32
    let payload: [UInt8]
    let queueCount: Int

    func u32(_ offset: Int) throws(VhostUserError) -> UInt32 {
        try field(offset, as: UInt32.self)
    }

    func u64(_ offset: Int) throws(VhostUserError) -> UInt64 {
        try field(offset, as: UInt64.self)
    }

    private func field<Value: FixedWidthInteger>(
        _ offset: Int,
        as type: Value.Type
    ) throws(VhostUserError) -> Value {
        guard let value = LittleEndianReader(bytes: payload).integer(at: offset, as: type) else {
            throw .payloadTooShort(request: request, size: payload.count)
        }
        return value
    }

    func queue() throws(VhostUserError) -> Int {
        let index = try u32(0)
        guard index < queueCount else { throw .badQueue(UInt64(index)) }
        return Int(index)
    }

    func queueAndFile() throws(VhostUserError) -> (Int, Bool) {
        let value = try u64(0)
        let index = value & 0xff
        guard index < queueCount else { throw .badQueue(value) }
        return (Int(index), value & VhostUser.noDescriptor == 0)
    }

    func addresses() throws(VhostUserError) -> VringAddresses {
        VringAddresses(descriptors: try u64(8), used: try u64(16), available: try u64(24))
    }

    func regions() throws(VhostUserError) -> [MemoryRegionDescription] {
        let count = try u32(0)
        guard count <= VhostUser.maximumRegions else { throw .tooManyRegions(count) }
        var regions: [MemoryRegionDescription] = []
        for index in 0..<Int(count) {
            let start = 8 + index * 32
            regions.append(
                MemoryRegionDescription(
                    guestAddress: try u64(start),
                    size: try u64(start + 8),
                    userAddress: try u64(start + 16),
                    fileOffset: try u64(start + 24)
                )
            )
        }
        return regions
    }
}
