import CLinux
import GuestProtocol
import SystemIO
import SystemPackage

/// Lists a tree without following links and without leaving the file system's byte names.
struct TreeLister {
    /// Entries that are sent together.
    private static let batch = 128

    let root: String
    let readsContent: Bool
    let send: ([TreeEntry]) throws(Failure) -> Void

    /// - Returns: the number of entries, the root among them.
    func run() throws(Failure) -> UInt64 {
        var count: UInt64 = 0
        var waiting: [TreeEntry] = []
        var stack: [[UInt8]] = [[]]
        while let path = stack.popLast() {
            let entry = try entry(path)
            waiting.append(entry)
            count += 1
            if waiting.count == Self.batch {
                try send(waiting)
                waiting = []
            }
            guard CInt(bitPattern: entry.mode) & S_IFMT == S_IFDIR else { continue }
            let names = try naming(path) { () throws(Errno) in try RawFile(full(path)).names() }
            // The stack's end is taken first.
            for name in names.reversed() {
                stack.append(path.isEmpty ? name : path + [UInt8(ascii: "/")] + name)
            }
        }
        if !waiting.isEmpty { try send(waiting) }
        return count
    }

    private func full(_ path: [UInt8]) -> [UInt8] {
        path.isEmpty ? Array(root.utf8) : Array(root.utf8) + [UInt8(ascii: "/")] + path
    }

    private func entry(_ path: [UInt8]) throws(Failure) -> TreeEntry {
        try naming(path) { () throws(Errno) in
            let file = RawFile(full(path))
            let status = try file.status()
            let kind = CInt(bitPattern: status.st_mode) & S_IFMT
            return TreeEntry(
                path: path,
                mode: status.st_mode,
                uid: status.st_uid,
                gid: status.st_gid,
                size: UInt64(clamping: status.st_size),
                modificationSeconds: Int64(status.st_mtim.tv_sec),
                modificationNanoseconds: UInt32(clamping: status.st_mtim.tv_nsec),
                inode: UInt64(status.st_ino),
                linkCount: UInt64(status.st_nlink),
                linkTarget: kind == S_IFLNK ? try file.linkTarget() : [],
                attributes: try file.attributes(),
                contentChecksum: kind == S_IFREG && readsContent
                    ? try file.contentChecksum() : []
            )
        }
    }

    private func naming<Value>(
        _ path: [UInt8],
        _ body: () throws(Errno) -> Value
    ) throws(Failure) -> Value {
        try Failure.naming("list", String(decoding: full(path), as: UTF8.self), body)
    }
}
