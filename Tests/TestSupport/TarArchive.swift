/// A file system tree as a table, written as a tar archive: the way by which anybody may put
/// owners, modes and extended attributes into an OSTree commit (`ostree commit --tree=tar=`).
package struct TarEntry: Sendable {
    package enum Content: Sendable, Equatable {
        case directory
        case file([UInt8])
        case symlink(String)
    }

    /// Without a slash in front; "" is the root.
    package var path: String
    package var content: Content
    /// Permission bits.
    package var mode: UInt32
    package var uid: UInt32 = 0
    package var gid: UInt32 = 0
    package var xattrs: [String: [UInt8]] = [:]

    package static func directory(
        _ path: String,
        mode: UInt32 = 0o755,
        uid: UInt32 = 0,
        gid: UInt32 = 0,
        xattrs: [String: [UInt8]] = [:]
    ) -> TarEntry {
        TarEntry(path: path, content: .directory, mode: mode, uid: uid, gid: gid, xattrs: xattrs)
    }

    package static func file(
        _ path: String,
        _ content: [UInt8],
        mode: UInt32 = 0o644,
        uid: UInt32 = 0,
        gid: UInt32 = 0,
        xattrs: [String: [UInt8]] = [:]
    ) -> TarEntry {
        TarEntry(
            path: path,
            content: .file(content),
            mode: mode,
            uid: uid,
            gid: gid,
            xattrs: xattrs
        )
    }

    package static func symlink(_ path: String, to target: String, uid: UInt32 = 0) -> TarEntry {
        TarEntry(path: path, content: .symlink(target), mode: 0o777, uid: uid)
    }
}

/// POSIX.1-2001 pax format.
package enum TarArchive {
    package static func bytes(of tree: [TarEntry]) -> [UInt8] {
        var archive: [UInt8] = []
        for entry in tree { append(entry, to: &archive) }
        return archive + [UInt8](repeating: 0, count: 1024)
    }

    private static func append(_ entry: TarEntry, to archive: inout [UInt8]) {
        var records: [UInt8] = []
        // libarchive hands them on in reverse order, and libostree commits them as they come: only
        // names in byte order then survive a bare repository, which keeps no order.
        for (name, value) in entry.xattrs.sorted(by: { $0.key > $1.key }) {
            records += record("SCHILY.xattr." + name, value)
        }
        records += record("path", Array("./\(entry.path)".utf8))
        var target = ""
        if case .symlink(let text) = entry.content { target = text }
        if target.utf8.count > 100 {
            records += record("linkpath", Array(target.utf8))
        }
        append(header(type: "x", name: "pax", size: records.count, mode: 0o644), records, &archive)
        let (type, data): (Character, [UInt8]) =
            switch entry.content {
            case .directory: ("5", [])
            case .file(let bytes): ("0", bytes)
            case .symlink: ("2", [])
            }
        append(
            header(
                type: type,
                name: "entry",
                size: data.count,
                mode: entry.mode,
                uid: entry.uid,
                gid: entry.gid,
                target: target.utf8.count > 100 ? "" : target
            ),
            data,
            &archive
        )
    }

    private static func append(_ header: [UInt8], _ data: [UInt8], _ archive: inout [UInt8]) {
        archive += header
        archive += data
        archive += [UInt8](repeating: 0, count: (512 - data.count % 512) % 512)
    }

    /// "LENGTH KEY=VALUE\n", where the length counts itself.
    private static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let body = Array(" \(key)=".utf8) + value + [10]
        var length = body.count
        while String(length).utf8.count + body.count != length {
            length = String(length).utf8.count + body.count
        }
        return Array(String(length).utf8) + body
    }

    private static func header(
        type: Character,
        name: String,
        size: Int,
        mode: UInt32,
        uid: UInt32 = 0,
        gid: UInt32 = 0,
        target: String = ""
    ) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int) {
            for (index, byte) in text.utf8.enumerated() { block[offset + index] = byte }
        }
        func octal(_ value: Int, digits: Int) -> String {
            let text = String(value, radix: 8)
            return String(repeating: "0", count: digits - text.count) + text
        }
        put(name, at: 0)
        put(octal(Int(mode), digits: 7), at: 100)
        put(octal(Int(uid), digits: 7), at: 108)
        put(octal(Int(gid), digits: 7), at: 116)
        put(octal(size, digits: 11), at: 124)
        put(octal(0, digits: 11), at: 136)
        put(String(repeating: " ", count: 8), at: 148)
        put(String(type), at: 156)
        put(target, at: 157)
        put("ustar\u{0}00", at: 257)
        let sum = block.reduce(0) { $0 + Int($1) }
        put(octal(sum, digits: 6) + "\u{0} ", at: 148)
        return block
    }
}
