import NineP
import OSTree

/// Qid paths: 62 bits, so that the kernel's `st_ino = path + 2` stays positive. An object's come from
/// its own checksum, those of places (directories, empty files, copies) from a checksum of the path;
/// bit 61 keeps the two apart.
enum InodeNumber {
    private static let placeBit: UInt64 = 1 << 61
    private static let mask: UInt64 = (1 << 61) - 1

    static let root: UInt64 = placeBit | 1

    static func object(_ checksum: Checksum) -> UInt64 { checksum.prefix & mask }

    static func place(_ name: [UInt8], in parent: UInt64) -> UInt64 {
        var bytes = name
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: parent >> shift))
        }
        return placeBit | (SHA256.checksum(of: bytes).prefix & mask)
    }

    /// What is served never changes, so there is one version; 0 would turn caches off.
    static func qid(_ kind: Qid.Kind, _ path: UInt64) -> Qid {
        Qid(kind: kind, version: 1, path: path)
    }
}
