import OSTree

/// Checksums, each once, numbered in the order in which they came: about 40 bytes each, where a
/// dictionary takes twice as many.
struct ChecksumTable: Sendable {
    private(set) var list: [Checksum] = []
    /// Open addressing: a number and one, 0 for a free slot; a power of two.
    private var slots = [UInt32](repeating: 0, count: 64)

    var count: Int { list.count }

    subscript(number: Int) -> Checksum { list[number] }

    /// The checksum's number, and whether it is new.
    mutating func insert(_ checksum: Checksum) -> (number: Int, isNew: Bool) {
        let slot = slot(of: checksum)
        if slots[slot] != 0 { return (Int(slots[slot]) - 1, false) }
        list.append(checksum)
        slots[slot] = UInt32(list.count)
        if list.count * 4 > slots.count * 3 { grow() }
        return (list.count - 1, true)
    }

    func number(of checksum: Checksum) -> Int? {
        let found = slots[slot(of: checksum)]
        return found == 0 ? nil : Int(found) - 1
    }

    /// Where the checksum is, or the free slot for it.
    private func slot(of checksum: Checksum) -> Int {
        // Checksums are evenly spread already.
        var slot = Int(truncatingIfNeeded: checksum.prefix) & (slots.count - 1)
        while slots[slot] != 0, list[Int(slots[slot]) - 1] != checksum {
            slot = (slot + 1) & (slots.count - 1)
        }
        return slot
    }

    private mutating func grow() {
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        for (number, checksum) in list.enumerated() {
            slots[slot(of: checksum)] = UInt32(number + 1)
        }
    }
}
