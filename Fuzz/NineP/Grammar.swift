import FuzzSupport
import NineP

/// Writes requests that mostly make sense for the state a client is in, with hostile values mixed in.
struct Grammar {
    private let memory: FuzzMemory
    private var space = [UInt8](repeating: 0, count: 1 << 15)

    init(_ memory: FuzzMemory) { self.memory = memory }

    /// The next request of a client.
    mutating func request(_ model: ClientModel, _ choices: inout Choices) -> [UInt8] {
        if choices.oneIn(32) { return nonsense(&choices) }
        let tag = tag(model, &choices)
        if model.messageSize == 0 {
            return choices.oneIn(16) ? attach(tag, model, &choices) : version(tag, &choices)
        }
        if model.fids.isEmpty { return attach(tag, model, &choices) }
        let (number, fid) = fid(model, &choices)
        switch choices.below(32) {
        case 0...8: return walk(tag, number, fid, model, &choices)
        case 9...17: return use(tag, number, fid, model, &choices)
        case 18, 19: return message { $0.tgetattr(tag: tag, fid: number, mask: choices.u64()) }
        case 20: return message { $0.fidRequest(.tclunk, tag: tag, fid: number) }
        case 21:
            let type: MessageType = choices.oneIn(2) ? .treadlink : .tstatfs
            return message { $0.fidRequest(type, tag: tag, fid: number) }
        case 22, 23: return attribute(tag, number, fid, model, &choices)
        case 24, 25: return flush(tag, model, &choices)
        case 26: return choices.oneIn(4) ? version(tag, &choices) : locking(tag, number, &choices)
        case 27: return attach(tag, model, &choices)
        case 28: return modifying(tag, number, &choices)
        default: return walk(tag, number, fid, model, &choices)
        }
    }

    mutating func message(_ write: (inout WireWriter) -> Void) -> [UInt8] {
        space.withUnsafeMutableBytes { memory in
            var writer = WireWriter(memory)
            write(&writer)
            guard let count = writer.finish() else { return [7, 0, 0, 0, 255, 0, 0] }
            return Array(memory[..<count])
        }
    }

    /// A tag that no request under way has, but for a rare one whose reply is of another type.
    private func tag(_ model: ClientModel, _ choices: inout Choices) -> UInt16 {
        var tag = choices.oneIn(16) ? choices.u16() : UInt16(choices.byte())
        while model.pending.contains(where: { $0.tag == tag }) { tag &+= 1 }
        return tag
    }

    /// A fid that is there as a rule.
    private func fid(
        _ model: ClientModel,
        _ choices: inout Choices
    ) -> (number: UInt32, fid: ClientModel.Fid?) {
        if choices.oneIn(24) {
            let number = choices.oneIn(2) ? choices.u32() : UInt32(choices.byte())
            return (number, model.fids[number])
        }
        let numbers = model.fids.keys.sorted()
        let number = numbers[choices.below(numbers.count)]
        return (number, model.fids[number])
    }

    /// A number for a new fid: free as a rule, small or large.
    private func newNumber(_ model: ClientModel, _ choices: inout Choices) -> UInt32 {
        switch choices.below(32) {
        case 0: return Protocol9P.noFid
        case 1: return choices.u32()
        case 2: return UInt32(choices.below(8))
        default:
            let isLarge = choices.oneIn(6)
            var number: UInt32 = isLarge ? 0x4_0000 : 0
            while model.fids[number] != nil { number += 1 }
            return number
        }
    }

    private mutating func version(_ tag: UInt16, _ choices: inout Choices) -> [UInt8] {
        let sizes: [UInt32] = [4096, 8192, 65_536, .max, 4096 * 3 + 24]
        let size = choices.oneIn(12) ? choices.u32() % 6000 : choices.pick(sizes)
        let name = choices.oneIn(16) ? "9P2000.u" : "9P2000.L"
        return message { $0.tversion(tag: tag, messageSize: size, version: Array(name.utf8)) }
    }

    private mutating func attach(
        _ tag: UInt16,
        _ model: ClientModel,
        _ choices: inout Choices
    ) -> [UInt8] {
        let names = model.exports.map(\.name) + ["", "/", "nowhere"]
        let name = Array((choices.oneIn(8) ? names.last! : choices.pick(names)).utf8)
        let number = newNumber(model, &choices)
        if choices.oneIn(24) {
            return message {
                $0.tauth(tag: tag, afid: number, user: name, attachName: name, uid: choices.u32())
            }
        }
        let afid = choices.oneIn(24) ? choices.u32() : Protocol9P.noFid
        return message {
            $0.tattach(tag: tag, fid: number, afid: afid, user: [], attachName: name, uid: 0)
        }
    }

    private mutating func walk(
        _ tag: UInt16,
        _ number: UInt32,
        _ fid: ClientModel.Fid?,
        _ model: ClientModel,
        _ choices: inout Choices
    ) -> [UInt8] {
        var names: [[UInt8]] = []
        var node = fid?.node
        for _ in 0..<(choices.oneIn(24) ? choices.below(20) : choices.below(4)) {
            let name = Self.name(below: node, &choices)
            names.append(name)
            node = node.flatMap { name == Array("..".utf8) ? $0.parent : $0.child(name) }
        }
        let new = choices.oneIn(8) ? number : newNumber(model, &choices)
        return message { $0.twalk(tag: tag, fid: number, newFid: new, names: names) }
    }

    private static let hostileNames: [[UInt8]] = [
        [], [0x2e], [0x2f], [0x61, 0], [0x61, 0x2f, 0x62], [UInt8](repeating: 0x61, count: 256),
        [UInt8](repeating: 0x61, count: 255), [0xff, 0xfe], [UInt8](repeating: 0x62, count: 4000),
    ]

    private static func name(below node: ModelNode?, _ choices: inout Choices) -> [UInt8] {
        if choices.oneIn(24) { return choices.pick(hostileNames) }
        guard let node, !node.children.isEmpty, !choices.oneIn(12) else { return [0x2e, 0x2e] }
        return choices.pick(node.children).name
    }

    /// Opens what is not open, reads what is.
    private mutating func use(
        _ tag: UInt16,
        _ number: UInt32,
        _ fid: ClientModel.Fid?,
        _ model: ClientModel,
        _ choices: inout Choices
    ) -> [UInt8] {
        let isOpen = fid.map { $0.use != .walked } ?? false
        if isOpen == choices.oneIn(24) {
            let flags: UInt32 =
                switch choices.below(16) {
                case 0: choices.u32()
                case 1: 0o200000
                default: 0o100000
                }
            return message { $0.tlopen(tag: tag, fid: number, flags: flags) }
        }
        let isListing = (fid?.use == .directory) != choices.oneIn(24)
        let counts: [UInt32] = [0, 1, 512, 4096, 60_000, .max]
        let count = choices.oneIn(8) ? choices.u32() : choices.pick(counts)
        if isListing {
            let cookies = [0] + (fid.map { memory.cookies(of: $0.node) } ?? [])
            let cookie = choices.oneIn(24) ? choices.u64() : choices.pick(cookies)
            return message {
                $0.readRequest(.treaddir, tag: tag, fid: number, offset: cookie, count: count)
            }
        }
        let size = UInt64(fid?.node.size ?? 0)
        let offsets = [0, size / 2, size, size &- 1, 1, size + 1]
        let offset = choices.oneIn(16) ? choices.u64() : choices.pick(offsets)
        return message {
            $0.readRequest(.tread, tag: tag, fid: number, offset: offset, count: count)
        }
    }
}
