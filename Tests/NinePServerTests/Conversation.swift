import NineP

/// Random requests of a client that mostly keeps to the protocol.
enum Conversation {
    static func request(_ random: inout SplitMix) -> [UInt8] {
        let tag = UInt16.random(in: 0...9, using: &random)
        let fid = UInt32.random(in: 0...5, using: &random)
        let newFid = UInt32.random(in: 0...9, using: &random)
        let names = ["f", "d", "g", "l", "..", ".", "none", ""]
        let offset: UInt64 =
            Bool.random(using: &random)
            ? UInt64.random(in: 0...70_000, using: &random) : random.next()
        let count: UInt32 =
            Bool.random(using: &random) ? 4000 : UInt32(truncatingIfNeeded: random.next())
        let kind = Int.random(in: 0...14, using: &random)
        let walk = (0..<Int.random(in: 0...3, using: &random)).map { _ in
            Array(names.randomElement(using: &random)!.utf8)
        }
        var bytes = TestClient.message { writer in
            switch kind {
            case 0...3: writer.twalk(tag: tag, fid: fid, newFid: newFid, names: walk)
            case 4: writer.tlopen(tag: tag, fid: newFid, flags: 0)
            case 5: writer.readRequest(.tread, tag: tag, fid: newFid, offset: offset, count: count)
            case 6:
                writer.readRequest(.treaddir, tag: tag, fid: newFid, offset: offset, count: count)
            case 7: writer.tgetattr(tag: tag, fid: fid, mask: 0x7ff)
            case 8: writer.fidRequest(.tclunk, tag: tag, fid: newFid)
            case 9:
                writer.txattrwalk(tag: tag, fid: fid, newFid: newFid, name: Array("user.big".utf8))
            case 10: writer.fidRequest(.treadlink, tag: tag, fid: fid)
            case 11: writer.tattach(tag: tag, fid: newFid, user: [], attachName: [], uid: 0)
            case 12: writer.tflush(tag: tag, oldTag: UInt16.random(in: 0...9, using: &random))
            case 13: writer.fidRequest(.tstatfs, tag: tag, fid: fid)
            default: writer.tfsync(tag: tag, fid: fid, dataOnly: 0)
            }
        }
        if Int.random(in: 0..<40, using: &random) == 0 {
            // A body of another length or content; the frame stays whole.
            bytes = Array(bytes[..<Int.random(in: 7...bytes.count, using: &random)])
            bytes[0] = UInt8(bytes.count)
            bytes[1] = 0
            bytes[bytes.count - 1] = UInt8.random(in: 0...255, using: &random)
        }
        return bytes
    }
}

/// Deterministic random numbers, so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}
