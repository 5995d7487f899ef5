import CLinux
import SystemIO
import SystemPackage

/// What one frontend has set up: features, memory, virtqueues. Carries out its messages.
struct FrontendSession {
    /// One virtqueue as the frontend describes it, step by step.
    struct Vring {
        var size: UInt32 = 0
        var addresses: VringAddresses?
        var base: UInt16 = 0
        var kick: SharedFD?
        var call: SharedFD?
        var isEnabled = false
        /// The device serves it: between SET_VRING_KICK and GET_VRING_BASE.
        var isRunning = false
    }

    /// What the device has to do after a message.
    enum Effect: Equatable {
        /// The queue may run (again), with new addresses or a new kick descriptor.
        case start(queue: Int)
        case stop(queue: Int)
        /// The driver is a new one: its connections are not known to it.
        case reset
        /// The memory table is a new one.
        case remap
    }

    static let offeredFeatures =
        VhostUser.Feature.version1 | VhostUser.Feature.eventIndex
        | VhostUser.Feature.protocolFeatures
    static let offeredProtocolFeatures =
        VhostUser.ProtocolFeature.configuration | VhostUser.ProtocolFeature.replyAcknowledgement
        | VhostUser.ProtocolFeature.backendRequests

    let guestCID: UInt64
    private(set) var features: UInt64 = 0
    private(set) var protocolFeatures: UInt64 = 0
    var vrings = [Vring](repeating: Vring(), count: VsockEngine.queueCount)
    private(set) var memory = GuestMemory()
    /// Kept open and unused: the device has nothing to ask of the frontend.
    private var backendChannel: SharedFD?

    init(guestCID: UInt64) { self.guestCID = guestCID }

    var hasEventIndex: Bool { features & VhostUser.Feature.eventIndex != 0 }

    /// Carries out one message.
    /// - Returns: the payload of its reply, if it has one of its own, and what the device is to do.
    mutating func handle(
        _ message: FrontendMessage,
        files: [SharedFD],
        position: (_ queue: Int) -> UInt16?
    ) throws(VhostUserError) -> (reply: [UInt8]?, effect: Effect?) {
        switch message {
        case .getFeatures: return (Self.payload(Self.offeredFeatures), nil)
        case .setFeatures(let value):
            guard value & ~Self.offeredFeatures == 0 else { throw .unsupportedFeatures(value) }
            features = value
        case .getProtocolFeatures: return (Self.payload(Self.offeredProtocolFeatures), nil)
        case .setProtocolFeatures(let value):
            guard value & ~Self.offeredProtocolFeatures == 0 else {
                throw .unsupportedFeatures(value)
            }
            protocolFeatures = value
        case .getQueueCount: return (Self.payload(UInt64(VsockEngine.queueCount)), nil)
        case .setOwner: break
        case .resetOwner: return (nil, .reset)
        case .setMemoryTable(let regions):
            memory = try Self.map(regions, files)
            return (nil, .remap)
        case .setBackendRequestChannel:
            guard let file = files.first else {
                throw .missingDescriptors(request: VhostUser.Request.setBackendRequestChannel)
            }
            backendChannel = file
        case .getConfiguration(let offset, let size, let flags):
            return (configuration(offset, size, flags), nil)
        default: return try handleVring(message, files.first, position)
        }
        return (nil, nil)
    }

    private mutating func handleVring(
        _ message: FrontendMessage,
        _ file: SharedFD?,
        _ position: (Int) -> UInt16?
    ) throws(VhostUserError) -> (reply: [UInt8]?, effect: Effect?) {
        switch message {
        case .setVringSize(let queue, let size):
            guard size > 0, size <= SplitQueue.maximumSize, size & (size - 1) == 0 else {
                throw .badQueueSize(size)
            }
            vrings[queue].size = size
        case .setVringAddresses(let queue, let addresses):
            vrings[queue].addresses = addresses
            if vrings[queue].isRunning { return (nil, .start(queue: queue)) }
        case .setVringBase(let queue, let base):
            let old = vrings[queue].base
            vrings[queue].base = UInt16(truncatingIfNeeded: base)
            // A driver that was only paused carries on where GET_VRING_BASE said it was.
            if queue == VsockEngine.transmitIndex, old != vrings[queue].base {
                return (nil, .reset)
            }
        case .getVringBase(let queue):
            if let position = position(queue) { vrings[queue].base = position }
            vrings[queue].isRunning = false
            vrings[queue].kick = nil
            var reply: [UInt8] = []
            reply.appendLittleEndian(UInt32(queue))
            reply.appendLittleEndian(UInt32(vrings[queue].base))
            return (reply, .stop(queue: queue))
        case .setVringKick(let queue, let hasFile):
            guard hasFile, let file else { throw .noFile(queue: queue) }
            vrings[queue].kick = file
            vrings[queue].isRunning = true
            if features & VhostUser.Feature.protocolFeatures == 0 { vrings[queue].isEnabled = true }
            return (nil, .start(queue: queue))
        case .setVringCall(let queue, let hasFile):
            vrings[queue].call = hasFile ? file : nil
            // A full pipe or counter must not block the device: it interrupts already.
            if let file, hasFile { try? Self.makeNonBlocking(file) }
        case .setVringEnabled(let queue, let isEnabled):
            vrings[queue].isEnabled = isEnabled
            return (nil, isEnabled ? .start(queue: queue) : .stop(queue: queue))
        default: break
        }
        return (nil, nil)
    }

    /// The queue that the frontend has described; nil while parts are missing or it is stopped.
    func makeQueue(_ index: Int) throws(VhostUserError) -> SplitQueue? {
        let vring = vrings[index]
        guard vring.isRunning, vring.isEnabled, vring.size > 0, let addresses = vring.addresses
        else { return nil }
        let queue = SplitQueue(
            size: vring.size,
            addresses: addresses,
            base: vring.base,
            hasEventIndex: hasEventIndex,
            memory: memory
        )
        guard let queue else { throw .ringOutsideMemory(queue: index) }
        return queue
    }

    private static func payload(_ value: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendLittleEndian(value)
        return bytes
    }

    /// The device's configuration space: struct virtio_vsock_config, the guest's CID. An empty
    /// reply payload means an error (vhost-user.rst, VHOST_USER_GET_CONFIG).
    private func configuration(_ offset: UInt32, _ size: UInt32, _ flags: UInt32) -> [UInt8] {
        let space = Self.payload(guestCID)
        guard offset <= space.count, size <= 256 else { return [] }
        var reply: [UInt8] = []
        reply.appendLittleEndian(offset)
        reply.appendLittleEndian(size)
        reply.appendLittleEndian(flags)
        let part = space.dropFirst(Int(offset)).prefix(Int(size))
        return reply + part + [UInt8](repeating: 0, count: Int(size) - part.count)
    }

    private static func map(
        _ regions: [MemoryRegionDescription],
        _ files: [SharedFD]
    ) throws(VhostUserError) -> GuestMemory {
        guard files.count == regions.count else {
            throw .missingDescriptors(request: VhostUser.Request.setMemoryTable)
        }
        var memory = GuestMemory()
        for (index, region) in regions.enumerated() {
            let mapping: SharedMapping
            do {
                mapping = try SharedMapping(
                    file: files[index],
                    offset: region.fileOffset,
                    size: region.size
                )
            } catch {
                throw .unmappable(region: index, errno: error.rawValue)
            }
            let isAdded = unsafe memory.add(
                guestAddress: region.guestAddress,
                userAddress: region.userAddress,
                host: mapping.bytes,
                owner: mapping
            )
            guard isAdded else { throw .regionOutsideFile(region: index) }
        }
        return memory
    }

    private static func makeNonBlocking(_ file: SharedFD) throws(Errno) {
        let flags = try syscall { clinux_fcntl(file.rawValue, F_GETFL, 0) }
        try syscall { clinux_fcntl(file.rawValue, F_SETFL, flags | O_NONBLOCK) }
    }
}
