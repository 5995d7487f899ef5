/// The hash of names in an indexed directory: "half MD4", names as signed bytes
/// (fs/ext4/hash.c). The superblock's flags say that the bytes are signed.
struct DirectoryHash: Sendable {
    private let seed: [UInt32]

    init(seed: VolumeUUID) {
        let words = (0..<4).map { seed.bytes.getLE(UInt32.self, at: 4 * $0) }
        let initial: [UInt32] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476]
        self.seed = words.allSatisfy { $0 == 0 } ? initial : words
    }

    /// The major hash; its lowest bit is always 0.
    func hash(_ name: some RandomAccessCollection<UInt8>) -> UInt32 {
        var state = (seed[0], seed[1], seed[2], seed[3])
        var rest = name[...]
        repeat {
            Self.transform(&state, Self.words(rest))
            rest = rest.dropFirst(32)
        } while !rest.isEmpty
        let hash = state.1 & ~1
        // The value that means "end of directory" belongs to no name.
        return hash == 0xffff_fffe ? 0xffff_fffc : hash
    }

    /// Up to 32 bytes as eight words, filled up with the length.
    private static func words(_ bytes: some RandomAccessCollection<UInt8>) -> InlineArray<8, UInt32>
    {
        let length = UInt32(truncatingIfNeeded: bytes.count)
        var pad = length | length << 8
        pad |= pad << 16
        var words = InlineArray<8, UInt32>(repeating: pad)
        var value = pad
        var i = 0
        for byte in bytes.prefix(32) {
            let extended = UInt32(bitPattern: Int32(Int8(bitPattern: byte)))
            value = extended &+ value << 8
            if i % 4 == 3 {
                words[i / 4] = value
                value = pad
            }
            i += 1
        }
        if i < 32 { words[i / 4] = value }
        return words
    }

    private typealias State = (UInt32, UInt32, UInt32, UInt32)

    private static func transform(_ state: inout State, _ x: InlineArray<8, UInt32>) {
        var (a, b, c, d) = state
        func rotate(_ value: UInt32, _ n: UInt32) -> UInt32 { value << n | value >> (32 - n) }
        func round(
            _ order: InlineArray<8, Int>,
            _ shifts: InlineArray<4, UInt32>,
            _ constant: UInt32,
            _ f: (UInt32, UInt32, UInt32) -> UInt32
        ) {
            for half in [0, 4] {
                a = rotate(a &+ f(b, c, d) &+ x[order[half]] &+ constant, shifts[0])
                d = rotate(d &+ f(a, b, c) &+ x[order[half + 1]] &+ constant, shifts[1])
                c = rotate(c &+ f(d, a, b) &+ x[order[half + 2]] &+ constant, shifts[2])
                b = rotate(b &+ f(c, d, a) &+ x[order[half + 3]] &+ constant, shifts[3])
            }
        }
        round([0, 1, 2, 3, 4, 5, 6, 7], [3, 7, 11, 19], 0) { $2 ^ ($0 & ($1 ^ $2)) }
        round([1, 3, 5, 7, 0, 2, 4, 6], [3, 5, 9, 13], 0x5a82_7999) {
            ($0 & $1) &+ (($0 ^ $1) & $2)
        }
        round([3, 7, 2, 6, 1, 5, 0, 4], [3, 9, 11, 15], 0x6ed9_eba1) { $0 ^ $1 ^ $2 }
        state = (state.0 &+ a, state.1 &+ b, state.2 &+ c, state.3 &+ d)
    }
}
