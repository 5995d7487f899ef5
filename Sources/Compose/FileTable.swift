import DiskImage
import OSTree

/// What each file object says about its file, in 12 bytes and a symbolic link's target.
struct FileTable: Sendable {
    /// What many files have in common.
    private struct Traits: Hashable, Sendable {
        var uid: UInt32
        var gid: UInt32
        var mode: UInt32
        var extendedAttributes: [ExtendedAttribute]
    }

    private var traits = Distinct<Traits>()
    /// By file.
    private var traitsOfFile: [UInt32]
    /// By file: bytes of content; of a link where its target begins in `targets`, then 16 bits of
    /// length.
    private var sizes: [UInt64]
    private var targets: [UInt8] = []

    /// All empty files, until they are set.
    init(count: Int) {
        traitsOfFile = [UInt32](repeating: 0, count: count)
        sizes = [UInt64](repeating: 0, count: count)
    }

    mutating func set(_ index: Int, _ info: FileInfo) {
        let shared = Traits(
            uid: info.uid,
            gid: info.gid,
            mode: info.mode,
            extendedAttributes: info.extendedAttributes
        )
        traitsOfFile[index] = traits.number(of: shared)
        if info.isSymlink {
            // What is cut here is far too long for ext4 still, which says so.
            let target = info.symlinkTarget.prefix(Int(UInt16.max))
            sizes[index] = UInt64(targets.count) << 16 | UInt64(target.count)
            targets += target
        } else {
            sizes[index] = info.size
        }
    }

    subscript(index: Int) -> FileInfo {
        let shared = traits[traitsOfFile[index]]
        var target: [UInt8] = []
        if FileInfo.isSymlink(shared.mode) {
            let start = Int(sizes[index] >> 16)
            target = Array(targets[start..<(start + Int(sizes[index] & 0xffff))])
        }
        return FileInfo(
            uid: shared.uid,
            gid: shared.gid,
            mode: shared.mode,
            size: size(index),
            symlinkTarget: target,
            extendedAttributes: shared.extendedAttributes
        )
    }

    /// Bytes of content; 0 for a symbolic link.
    func size(_ index: Int) -> UInt64 {
        FileInfo.isSymlink(traits[traitsOfFile[index]].mode) ? 0 : sizes[index]
    }

    var count: Int { sizes.count }

    var totalSize: UInt64 { (0..<count).reduce(0) { $0 + size($1) } }
}
