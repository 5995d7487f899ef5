import FuzzSupport
import NineP

extension Grammar {
    mutating func attribute(
        _ tag: UInt16,
        _ number: UInt32,
        _ fid: ClientModel.Fid?,
        _ model: ClientModel,
        _ choices: inout Choices
    ) -> [UInt8] {
        var names = (fid?.node.attributes ?? []).map(\.name)
        names += [[]]
        let hostile = [Array("user.none".utf8), [0x61, 0], [UInt8](repeating: 0x61, count: 256)]
        let name = choices.oneIn(8) ? choices.pick(hostile) : choices.pick(names)
        let new = choices.oneIn(16) ? choices.u32() : UInt32(choices.byte())
        return message { $0.txattrwalk(tag: tag, fid: number, newFid: new, name: name) }
    }

    /// Names an open that is under way, where there is one.
    mutating func flush(
        _ tag: UInt16,
        _ model: ClientModel,
        _ choices: inout Choices
    ) -> [UInt8] {
        let tags = model.underWayOpens.map(\.tag)
        let old = tags.isEmpty || choices.oneIn(8) ? choices.u16() : choices.pick(tags)
        // The tag of a request under way, for a request whose reply is of another type.
        if choices.oneIn(16), let old = tags.first, let fid = model.fids.keys.min() {
            return message { $0.fidRequest(.tstatfs, tag: old, fid: fid) }
        }
        return message { $0.tflush(tag: tag, oldTag: old) }
    }

    mutating func locking(
        _ tag: UInt16,
        _ number: UInt32,
        _ choices: inout Choices
    ) -> [UInt8] {
        let client = [UInt8](repeating: 0x63, count: choices.oneIn(4) ? choices.below(6000) : 4)
        let kind = choices.byte()
        switch choices.below(3) {
        case 0: return message { $0.tfsync(tag: tag, fid: number, dataOnly: choices.u32()) }
        case 1:
            return message {
                $0.tlock(
                    tag: tag,
                    fid: number,
                    kind: kind,
                    flags: 0,
                    start: 1,
                    length: 0,
                    process: 2,
                    client: client
                )
            }
        default:
            return message {
                $0.tgetlock(
                    tag: tag,
                    fid: number,
                    kind: kind,
                    start: choices.u64(),
                    length: 1,
                    process: 2,
                    client: client
                )
            }
        }
    }

    /// A request that changes the tree; its body need not be whole.
    mutating func modifying(
        _ tag: UInt16,
        _ number: UInt32,
        _ choices: inout Choices
    ) -> [UInt8] {
        let types = MessageType.allCases.filter(\.isModifying)
        let type = choices.pick(types)
        let length = choices.oneIn(16) ? 9000 : choices.below(40)
        return message { writer in
            writer.begin(type, tag: tag)
            if !choices.oneIn(8) { writer.u32(number) }
            if type != .tremove { writer.data([UInt8](repeating: 1, count: length)[...]) }
        }
    }

    /// Any type with any body; lengths that lie end the connection.
    mutating func nonsense(_ choices: inout Choices) -> [UInt8] {
        let types = MessageType.allCases.map(\.rawValue)
        let type = choices.oneIn(4) ? choices.byte() : choices.pick(types)
        let length = choices.oneIn(64) ? choices.below(20_000) : choices.below(64)
        var bytes: [UInt8] = [0, 0, 0, 0, type, choices.byte(), 0xf0]
        for _ in 0..<min(length, 64) { bytes.append(choices.byte()) }
        bytes += [UInt8](repeating: 0x5a, count: max(0, length - 64))
        var size = UInt32(bytes.count)
        if choices.oneIn(16) { size = choices.oneIn(2) ? .max - 1 : UInt32(choices.below(7)) }
        for index in 0..<4 { bytes[index] = UInt8(truncatingIfNeeded: size >> (8 * index)) }
        return bytes
    }
}
