/// Hands out the blocks of a file system: fixed zones first, then runs in ascending order.
///
/// A block is given once: a zone that meets another is refused, and runs only go forwards.
struct BlockArena: Sendable {
    let count: UInt64
    /// The zones, ascending, none touching another's blocks.
    private(set) var zones: [Range<UInt64>] = []
    /// Every block below that is not in a zone has been handed out.
    private(set) var cursor: UInt64 = 0
    private var nextZone = 0

    init(count: UInt64) { self.count = count }

    /// Takes the given blocks. Only before the first run.
    mutating func reserve(_ range: Range<UInt64>) throws(Ext4Problem) {
        guard !range.isEmpty else { return }
        guard range.upperBound <= count else { throw outOfSpace(range.upperBound) }
        let index = firstZone(endingAfter: range.lowerBound)
        if index < zones.count, zones[index].lowerBound < range.upperBound {
            throw .overlap(block: max(zones[index].lowerBound, range.lowerBound))
        }
        guard cursor == 0 else { throw .overlap(block: range.lowerBound) }
        zones.insert(range, at: index)
    }

    /// Takes `length` blocks in one piece, the first such at or after `start`, outside the zones.
    mutating func reserve(
        _ length: UInt64,
        atOrAfter start: UInt64
    ) throws(Ext4Problem) -> Range<UInt64> {
        var at = start
        var index = firstZone(endingAfter: at)
        while index < zones.count, zones[index].lowerBound < at + length {
            at = max(at, zones[index].upperBound)
            index += 1
        }
        try reserve(at..<(at + length))
        return at..<(at + length)
    }

    /// Takes the next `length` blocks outside the zones: one run, or several around zones.
    mutating func allocate(_ length: UInt64) throws(Ext4Problem) -> [Range<UInt64>] {
        var runs: [Range<UInt64>] = []
        var left = length
        while left > 0 {
            skipZones()
            guard cursor < count else { throw outOfSpace(count + left) }
            let end = nextZone < zones.count ? zones[nextZone].lowerBound : count
            let taken = min(left, end - cursor)
            runs.append(cursor..<(cursor + taken))
            cursor += taken
            left -= taken
        }
        return runs
    }

    /// The runs that `allocate(length)` gave when it began at `start`.
    func runs(from start: UInt64, _ length: UInt64) -> [Range<UInt64>] {
        var runs: [Range<UInt64>] = []
        var at = start
        var left = length
        var index = firstZone(endingAfter: at)
        while left > 0 {
            while index < zones.count, zones[index].lowerBound <= at {
                at = zones[index].upperBound
                index += 1
            }
            let end = index < zones.count ? zones[index].lowerBound : count
            guard end > at else { break }
            let taken = min(left, end - at)
            runs.append(at..<(at + taken))
            at += taken
            left -= taken
        }
        return runs
    }

    /// The blocks in use within `range`: what lies in a zone or below the cursor.
    func used(in range: Range<UInt64>) -> [Range<UInt64>] {
        var result: [Range<UInt64>] = []
        if range.lowerBound < cursor {
            result.append(range.lowerBound..<min(cursor, range.upperBound))
        }
        var index = firstZone(endingAfter: max(cursor, range.lowerBound))
        while index < zones.count, zones[index].lowerBound < range.upperBound {
            let zone = zones[index].clamped(to: max(cursor, range.lowerBound)..<range.upperBound)
            if !zone.isEmpty { result.append(zone) }
            index += 1
        }
        return result
    }

    private mutating func skipZones() {
        while nextZone < zones.count, zones[nextZone].lowerBound <= cursor {
            cursor = max(cursor, zones[nextZone].upperBound)
            nextZone += 1
        }
    }

    private func firstZone(endingAfter block: UInt64) -> Int {
        var low = 0
        var high = zones.count
        while low < high {
            let middle = (low + high) / 2
            if zones[middle].upperBound > block { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private func outOfSpace(_ blocks: UInt64) -> Ext4Problem {
        .outOfSpace(
            needed: blocks &* UInt64(Ext4Geometry.blockSize),
            available: count * UInt64(Ext4Geometry.blockSize)
        )
    }
}
