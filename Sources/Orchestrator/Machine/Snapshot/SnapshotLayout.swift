/// What lies where in a snapshot's data: the state of the devices, the agent's hello, and then the parts of
/// the memory that are not zero, one behind another.
struct SnapshotLayout: Equatable {
    /// Bytes.
    var state: UInt64
    var hello: UInt64
    /// In the guest's memory.
    var extents: [Range<UInt64>]

    /// As many as a cache entry has room for.
    static let mostExtents = 1000

    /// A part of the memory and where it is in the data.
    struct Piece: Equatable {
        var address: UInt64
        var offset: UInt64
        var count: UInt64
    }

    /// - Parameter extents: in order; close ones are joined until there are few enough.
    init(state: UInt64, hello: UInt64, extents: [Range<UInt64>]) {
        self.state = state
        self.hello = hello
        self.extents = Self.joined(extents)
    }

    private static func joined(_ extents: [Range<UInt64>]) -> [Range<UInt64>] {
        var joined = extents
        var gap: UInt64 = 4096
        while joined.count > mostExtents {
            joined = joined.reduce(into: []) { list, extent in
                if let last = list.last, extent.lowerBound - last.upperBound <= gap {
                    list[list.count - 1] = last.lowerBound..<extent.upperBound
                } else {
                    list.append(extent)
                }
            }
            gap *= 2
        }
        return joined
    }

    /// - Parameter longest: bytes of one piece.
    func pieces(longest: UInt64) -> [Piece] {
        var pieces: [Piece] = []
        var offset = state + hello
        for extent in extents {
            var address = extent.lowerBound
            while address < extent.upperBound {
                let count = min(longest, extent.upperBound - address)
                pieces.append(Piece(address: address, offset: offset, count: count))
                address += count
                offset += count
            }
        }
        return pieces
    }
}

extension SnapshotLayout {
    /// For a cache entry's seal.
    var facts: [String: String] {
        [
            "state": String(state), "hello": String(hello),
            "memory": extents.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: " "),
        ]
    }

    /// - Parameter memory: of the guest, in bytes.
    /// - Returns: nil for what `facts` never says.
    init?(facts: [String: String], memory: UInt64) {
        guard let state = facts["state"].flatMap({ UInt64($0) }),
            let hello = facts["hello"].flatMap({ UInt64($0) }), let list = facts["memory"],
            state <= memory, hello <= memory
        else { return nil }
        var extents: [Range<UInt64>] = []
        for item in list.split(separator: " ") {
            let ends = item.split(separator: "-").compactMap { UInt64($0) }
            guard ends.count == 2, ends[0] < ends[1], ends[1] <= memory,
                ends[0] >= extents.last?.upperBound ?? 0
            else { return nil }
            extents.append(ends[0]..<ends[1])
        }
        self.state = state
        self.hello = hello
        self.extents = extents
    }
}
