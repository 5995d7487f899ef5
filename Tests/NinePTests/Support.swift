import NineP

/// One message, written by `body`.
func message(_ body: (inout WireWriter) -> Void) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0xaa, count: 4096)
    let count = bytes.withUnsafeMutableBytes { memory -> Int? in
        var writer = WireWriter(memory)
        body(&writer)
        return writer.finish()
    }
    guard let count else { return nil }
    return Array(bytes[..<count])
}

/// Deterministic random numbers (SplitMix64), so that a failure can be repeated.
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

let someName: [UInt8] = [0x66, 0xff, 0x2e, 0x22]
let someQid = Qid(kind: .directory, version: 0x0102_0304, path: 0x1122_3344_5566_7788)
