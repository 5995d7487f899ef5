/// A file's name in a FAT directory: eight and three characters, and where those do not say it all,
/// further entries with the whole name ("FAT: General Overview of On-Disk Format", 1.03).
struct FATName {
    /// Eleven bytes, filled up with spaces.
    let short: [UInt8]
    /// The whole name in UTF-16; empty if the short one says it.
    let long: [UInt16]

    /// - Parameter isTaken: whether the directory has such a short name already.
    init?(_ name: String, isTaken: ([UInt8]) -> Bool) {
        let units = Array(name.utf16)
        guard (1...255).contains(units.count), !name.hasSuffix("."), !name.hasSuffix(" "),
            !name.unicodeScalars.contains(where: {
                $0.value < 32 || "\"*/:<>?\\|".unicodeScalars.contains($0)
            })
        else { return nil }
        if let exact = Self.exact(name) {
            guard !isTaken(exact) else { return nil }
            short = exact
            long = []
            return
        }
        long = units
        let (base, suffix) = Self.split(name)
        for n in 1...999_999 {
            let tail = Array("~\(n)".utf8)
            let candidate = Self.padded(base.prefix(8 - tail.count) + tail, suffix)
            if !isTaken(candidate) {
                short = candidate
                return
            }
        }
        return nil
    }

    /// The entries with the long name, as they are stored: the last part first.
    var longEntries: [[UInt8]] {
        guard !long.isEmpty else { return [] }
        let count = long.count.dividedRoundingUp(by: 13)
        // A NUL ends the name unless it fills the entry; the rest is 0xFFFF.
        var units = long
        if units.count % 13 != 0 { units.append(0) }
        units += repeatElement(0xffff, count: count * 13 - units.count)
        return (0..<count).reversed().map { n in
            var entry = [UInt8](repeating: 0, count: 32)
            entry[0] = UInt8(n + 1) | (n == count - 1 ? 0x40 : 0)
            entry[11] = 0x0f
            entry[13] = checksum
            let places = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30]
            for (i, place) in places.enumerated() { entry.putLE(units[n * 13 + i], at: place) }
            return entry
        }
    }

    /// Ties the long name to the short one.
    private var checksum: UInt8 { short.reduce(0) { ($0 & 1) << 7 &+ $0 >> 1 &+ $1 } }

    /// The short form of a name that needs no other.
    private static func exact(_ name: String) -> [UInt8]? {
        let parts = name.utf8.split(
            separator: UInt8(ascii: "."),
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        let suffix = parts.count == 2 ? parts[1] : name.utf8.prefix(0)
        guard (1...8).contains(parts[0].count), suffix.count <= 3,
            parts.count == 1 || !suffix.isEmpty,
            parts[0].allSatisfy(isShort), suffix.allSatisfy(isShort)
        else { return nil }
        return padded(Array(parts[0]), Array(suffix))
    }

    /// What a made-up short name begins and ends with.
    private static func split(_ name: String) -> (base: [UInt8], suffix: [UInt8]) {
        let characters = Array(name.utf8.drop { $0 == UInt8(ascii: ".") })
        let dot = characters.lastIndex(of: UInt8(ascii: "."))
        func usable(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
            bytes.compactMap { byte in
                let upper = (0x61...0x7a).contains(byte) ? byte - 32 : byte
                if byte == UInt8(ascii: " ") || byte == UInt8(ascii: ".") { return nil }
                return isShort(upper) ? upper : UInt8(ascii: "_")
            }
        }
        let base = usable(characters[..<(dot ?? characters.endIndex)])
        let suffix = dot.map { usable(characters[($0 + 1)...]) } ?? []
        return (base.isEmpty ? [UInt8(ascii: "_")] : base, Array(suffix.prefix(3)))
    }

    private static func padded(_ base: some Collection<UInt8>, _ suffix: [UInt8]) -> [UInt8] {
        base + [UInt8](repeating: 0x20, count: 8 - base.count)
            + suffix + [UInt8](repeating: 0x20, count: 3 - suffix.count)
    }

    private static func isShort(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "!#$%&'()-@^_`{}~".utf8.contains(byte)
        }
    }
}
