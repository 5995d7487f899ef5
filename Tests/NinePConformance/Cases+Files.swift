import NineP

extension ConformanceCase {
    /// Tlopen and Tread.
    static let opens: [ConformanceCase] = [
        .init("Tlopen of a FIFO, a symbolic link", "EACCES ELOOP") { peer in
            let client = try peer.attach()
            try client.walk(0, 1, "fifo")
            try client.walk(0, 2, "link")
            return [verdict { try client.open(1) }, verdict { try client.open(2) }].line
        },
        .init("Tlopen with O_DIRECTORY of a file, of a directory", "ENOTDIR ok") { peer in
            let client = try peer.attach()
            try client.walk(0, 1, "a.txt")
            try client.walk(0, 2, "sub")
            return [1, 2].map { fid in verdict { try client.open(fid, flags: 0o200000) } }.line
        },
        .init("Tlopen for writing, with O_TRUNC", "EROFS EROFS") { peer in
            let client = try peer.attach()
            try client.walk(0, 1, "a.txt")
            try client.walk(0, 2, "a.txt")
            return [
                verdict { try client.open(1, flags: 2) },
                verdict { try client.open(2, flags: 0o1000) },
            ].line
        },
        .init("Tlopen twice", "EBADF") { peer in
            let client = try peer.attach()
            try client.walk(0, 1, "a.txt")
            try client.open(1)
            return verdict { try client.open(1) }
        },
        .init("iounit", "0") { peer in
            let client = try peer.attach()
            try client.walk(0, 1, "a.txt")
            return "\(try client.open(1).ioUnit)"
        },
        .init("Tread: not open, of a directory", "EBADF EISDIR") { peer in
            let client = try peer.attach()
            try client.walk(0, 1, "a.txt")
            try client.walk(0, 2, "sub")
            try client.open(2)
            return [1, 2].map { fid in verdict { _ = try client.read(fid, at: 0, count: 9) } }.line
        },
        .init("Tread at the end, behind it, at 2^63", "0 0 EINVAL") { peer in
            let client = try peer.attach()
            try client.walk(0, 1, "a.txt")
            try client.open(1)
            return [6, 100, UInt64(1) << 63].map { offset in
                outcome { "\(try client.read(1, at: offset, count: 9).count)" }
            }.line
        },
        .init("Tread of more than a message holds: bytes, at msize 8192", "8181") { peer in
            let client = try peer.attach(8192)
            try client.walk(0, 1, "big.bin")
            try client.open(1)
            return outcome { "\(try client.read(1, at: 0, count: 100_000).count)" }
        },
        .init("Tread behind 4 GiB", "end") { peer in
            let client = try peer.attach()
            try client.walk(0, 1, "huge")
            try client.open(1)
            let bytes = try client.read(1, at: TestTree.hugeSize - 3, count: 9)
            return String(decoding: bytes, as: UTF8.self)
        },
    ]

    /// Treaddir.
    static let listings: [ConformanceCase] = [
        .init("Treaddir: not open, of a file", "EBADF ENOTDIR") { peer in
            let client = try peer.attach()
            try client.walk(0, 1, "sub")
            try client.walk(0, 2, "a.txt")
            try client.open(2)
            return [1, 2].map { fid in verdict { _ = try client.readdir(fid, after: 0) } }.line
        },
        .init("a directory larger than a message: entries, names that occur twice", "402 0") {
            peer in
            let client = try peer.attach()
            try client.walk(0, 1, "crowd")
            try client.open(1)
            let entries = try client.list(1, count: 1000)
            return "\(entries.count) \(entries.count - Set(entries.map(\.text)).count)"
        },
        .init("Treaddir from any cookie again: the next entry", "yes") { peer in
            let client = try peer.attach()
            try client.walk(0, 1, "crowd")
            try client.open(1)
            let entries = try client.list(1, count: 2000)
            let isSame = try [0, 1, 57, 200, entries.count - 2].allSatisfy { index in
                try client.readdir(1, after: entries[index].cookie).first?.name
                    == entries[index + 1].name
            }
            return isSame ? "yes" : "no"
        },
        .init("Treaddir from 0 again, after the end", "yes") { peer in
            let client = try peer.attach()
            try client.walk(0, 1, "crowd")
            try client.open(1)
            let first = try client.list(1).map(\.name)
            return try client.list(1).map(\.name) == first ? "yes" : "no"
        },
        .init("Treaddir with room for no entry", "EINVAL") { peer in
            let client = try peer.attach()
            try client.walk(0, 1, "crowd")
            try client.open(1)
            return outcome { "\(try client.readdir(1, after: 0, count: 20).count)" }
        },
        .init("an entry's qid is what a walk gives: path, type", "yes yes") { peer in
            let client = try peer.attach()
            try client.walk(0, 1)
            try client.open(1)
            var (paths, kinds) = (true, true)
            for entry in try client.list(1) where entry.name != Array("..".utf8) {
                let qid = try client.walk(0, 2, bytes: [entry.name])[0]
                paths = paths && qid.path == entry.qid.path
                kinds = kinds && qid.kind == entry.qid.kind
                try client.clunk(2)
            }
            return [paths, kinds].map { $0 ? "yes" : "no" }.line
        },
    ]
}
