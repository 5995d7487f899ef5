import CLinux
import OSTree
import Synchronization
package import SystemIO
package import SystemPackage

/// One entry of the cache: a folder with `data` and `seal`. It was complete before it got its name,
/// and it cannot be evicted while this object lives (a shared lock on `seal`).
package struct CacheEntry: Sendable {
    package let data: FilePath
    /// The same, open: it stays what it is if the entry is removed.
    package let file: SharedFD
    /// Facts that came with the data.
    package let facts: [String: String]
    private let lock: SharedFD

    /// First line of every seal.
    private static let format = "builddisks cache 2"

    /// Opens and checks the entry in `folder`; nil when there is none or it is damaged.
    /// - Parameter isKnownGood: whether its data need not be summed up.
    init?(folder: FilePath, isKnownGood: Bool = false) {
        do throws(Errno) {
            let seal = SharedFD(try OwnedFD.open(folder.appending("seal"), O_RDONLY))
            try syscall { flock(seal.rawValue, LOCK_SH) }
            // An eviction may have taken the name away between open and lock.
            guard try seal.status().st_nlink > 0,
                let facts = CacheEntry.parse(try seal.contents(limit: 1 << 16)),
                let expected = facts["checksum"].flatMap({ Checksum(hex: $0) })
            else { return nil }
            let data = folder.appending("data")
            let file = SharedFD(try OwnedFD.open(data, O_RDONLY))
            if !isKnownGood {
                guard try CacheEntry.checksum(of: file) == expected else { return nil }
            }
            // The time of last use, which eviction goes by.
            try syscall { futimens(seal.rawValue, nil) }
            self.data = data
            self.file = file
            self.facts = facts
            lock = seal
        } catch {
            return nil
        }
    }

    static func seal(facts: [String: String], checksum: Checksum) -> [UInt8] {
        var facts = facts
        facts["checksum"] = checksum.hex
        // A line each.
        let lines =
            [format]
            + facts.sorted { $0.key < $1.key }.map { fact in
                "\(fact.key) " + String(fact.value.map { $0.isNewline ? " " : $0 })
            }
        let text = lines.joined(separator: "\n") + "\n"
        // A checksum of the facts themselves at the end.
        return Array((text + SHA256.checksum(of: Array(text.utf8)).hex + "\n").utf8)
    }

    private static func parse(_ seal: [UInt8]) -> [String: String]? {
        let lines = String(decoding: seal, as: UTF8.self).split(separator: "\n")
        guard lines.first.map(String.init) == format, let last = lines.last else { return nil }
        let text = lines.dropLast().joined(separator: "\n") + "\n"
        guard SHA256.checksum(of: Array(text.utf8)).hex == last else { return nil }
        var facts: [String: String] = [:]
        for line in lines.dropFirst().dropLast() {
            let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
            guard let name = parts.first else { return nil }
            facts[name] = parts.count > 1 ? parts[1] : ""
        }
        return facts
    }

    /// SHA-256 of the SHA-256 of each piece: all processors can sum up one file, which each start waits for.
    static func checksum(of file: SharedFD) throws(Errno) -> Checksum {
        let size = Int(try file.status().st_size)
        let mapping = try FileMapping(file.rawValue, count: size)
        let sums = Mutex<[Int: Checksum]>([:])
        concurrently(size / piece + 1) { index in
            let hasher = SHA256()
            // SAFETY: within the mapping, which lives until all threads have ended.
            unsafe hasher.update(
                UnsafeRawBufferPointer(
                    rebasing: mapping.bytes[index * piece..<min(size, (index + 1) * piece)]
                )
            )
            let sum = hasher.finish()
            sums.withLock { $0[index] = sum }
        }
        let all = sums.withLock { sums in sums.sorted { $0.key < $1.key }.flatMap(\.value.hex.utf8)
        }
        return SHA256.checksum(of: all)
    }

    /// Bytes.
    private static let piece = 4 << 20
}
