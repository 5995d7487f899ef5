import DiskImage
import SystemIO
import SystemPackage

/// Removes old builds: all but the newest `keep`, never the one that `current` names, nor one that
/// holds the backing disk of an overlay in a build that stays.
struct Retention {
    let output: OutputFolder
    /// Builds that stay, the current one included; at least 1.
    let keep: Int

    private struct Build {
        var name: String
        var record: BuildRecord
    }

    /// - Returns: the names of the builds that were removed, oldest first.
    func apply() -> [String] {
        let current = output.current
        // What is no build of ours (no record) is not counted, and not touched.
        var builds = output.builds.compactMap { name in
            BuildRecord(in: output.folder(of: name)).map { Build(name: name, record: $0) }
        }
        builds.sort { a, b in
            if (a.name == current) != (b.name == current) { return a.name == current }
            return (a.record.published, a.name) > (b.record.published, b.name)
        }
        var kept = Set(builds.prefix(keep).map(\.name))
        // A backing disk may itself be an overlay.
        var waiting = Array(kept)
        while let name = waiting.popLast() {
            for backing in backingBuilds(of: name) where kept.insert(backing).inserted {
                waiting.append(backing)
            }
        }
        let old = builds.filter { !kept.contains($0.name) }.reversed().map(\.name)
        for name in old { output.remove(name) }
        return old
    }

    /// The builds of this output whose disks the overlays of a build stand on.
    private func backingBuilds(of build: String) -> [String] {
        let folder = output.folder(of: build)
        return ((try? directoryNames(folder)) ?? []).compactMap { name in
            guard let backing = Qcow2Header.backingFile(of: folder.appending(name)) else {
                return nil
            }
            let path = folder.pushing(FilePath(backing)).lexicallyNormalized()
            var rest = path
            guard rest.removePrefix(output.path.lexicallyNormalized()) else { return nil }
            return rest.components.first?.string
        }
    }
}

/// What a qcow2 file's header says of its backing file (QEMU, docs/interop/qcow2.txt: bytes 8 and 16).
enum Qcow2Header {
    /// nil for a disk that stands alone, and for what is no qcow2.
    static func backingFile(of path: FilePath) -> String? {
        guard (try? FileStatus(path, followingLinks: false))?.kind == .regular,
            let file = try? OwnedFD.open(path, 0),
            let header = try? file.read(count: 20), header.count == 20,
            header.starts(with: [0x51, 0x46, 0x49, 0xFB])
        else { return nil }
        func number(_ range: Range<Int>) -> UInt64 {
            header[range].reduce(0) { $0 << 8 | UInt64($1) }
        }
        let offset = number(8..<16)
        let size = number(16..<20)
        guard offset > 0, offset < 1 << 32, size > 0, size < 1024,
            let name = try? file.read(count: Int(size), at: Int64(offset)), name.count == Int(size)
        else { return nil }
        return String(decoding: name, as: UTF8.self)
    }
}
