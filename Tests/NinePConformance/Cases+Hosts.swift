import CLinux
import NineP

extension ConformanceCase {
    /// Qids, attributes, links, locks.
    static let attributes: [ConformanceCase] = [
        .init("qid.version of a file, of a directory", "not 0, not 0") { peer in
            let client = try peer.attach()
            return try ["a.txt", "sub"].enumerated().map { index, name in
                try client.walk(0, UInt32(index) + 1, name)[0].version == 0 ? "0" : "not 0"
            }.joined(separator: ", ")
        },
        .init("hard links have one qid", "yes") { peer in
            let client = try peer.attach()
            return try client.walk(0, 1, "a.txt") == client.walk(0, 2, "hard") ? "yes" : "no"
        },
        .init("qid types of a directory, file, symbolic link, FIFO", "80 0 2 0") { peer in
            let client = try peer.attach()
            return try ["sub", "a.txt", "link", "fifo"].enumerated().map { index, name in
                String(try client.walk(0, UInt32(index) + 1, name)[0].kind.rawValue, radix: 16)
            }.line
        },
        .init("Tgetattr's valid mask for 0x17ff", "7ff") { peer in
            String(try peer.attach().getattr(0).valid, radix: 16)
        },
        .init("Treadlink of a link, of a file", "a.txt EINVAL") { peer in
            let client = try peer.attach()
            try client.walk(0, 1, "link")
            try client.walk(0, 2, "a.txt")
            return [1, 2].map { fid in outcome { try client.readlink(fid) } }.line
        },
        .init("Txattrwalk: absent, of no namespace, name of 256 bytes", "ENODATA EOPNOTSUPP ERANGE")
        {
            peer in
            let client = try peer.attach()
            try client.walk(0, 1, "a.txt")
            let long = "user." + String(repeating: "x", count: 251)
            return ["user.none", "nonsense", long].enumerated().map { index, name in
                outcome { "\(try client.xattrwalk(1, UInt32(index) + 2, name))" }
            }.line
        },
        .init("Txattrwalk: the list, a value, its reading from an offset", "yes 5 lue") { peer in
            guard setxattr(peer.tree.file("a.txt"), "user.conform", "value", 5, 0) == 0 else {
                return "the tree's file system has no attributes"
            }
            let client = try peer.attach()
            try client.walk(0, 1, "a.txt")
            let list = outcome {
                _ = try client.xattrwalk(1, 2, "")
                let names = String(decoding: try client.readAll(2), as: UTF8.self)
                return names.contains("user.conform\0") ? "yes" : "no"
            }
            let size = outcome { "\(try client.xattrwalk(1, 3, "user.conform"))" }
            let rest = outcome {
                String(decoding: try client.read(3, at: 2, count: 9), as: UTF8.self)
            }
            return [list, size, rest].line
        },
        .init("Tstatfs's type", "1021997") { peer in
            let client = try peer.attach()
            let (reply, _) = try client.call(.tstatfs) { $0.fidRequest(.tstatfs, tag: $1, fid: 0) }
            guard case .statfs(let figures) = reply else { throw BrokenReply() }
            return String(figures.type, radix: 16)
        },
        .init("Tfsync and Tlock of a file that is not open", "ok ok") { peer in
            let client = try peer.attach()
            try client.walk(0, 1, "a.txt")
            return [
                verdict { try client.call(.tfsync) { $0.tfsync(tag: $1, fid: 1, dataOnly: 0) } },
                verdict {
                    try client.call(.tlock) {
                        $0.tlock(
                            tag: $1,
                            fid: 1,
                            kind: 0,
                            flags: 0,
                            start: 0,
                            length: 0,
                            process: 1,
                            client: [0x61]
                        )
                    }
                },
            ].line
        },
    ]

    /// What the host does to files meanwhile.
    static let hosts: [ConformanceCase] = [
        .init("an unlinked file: read while open, walked to", "gone ENOENT") { peer in
            peer.tree.makeFile("unlinked", Array("gone".utf8))
            let client = try peer.attach()
            try client.walk(0, 1, "unlinked")
            try client.open(1)
            unlink(peer.tree.file("unlinked"))
            return [
                outcome { String(decoding: try client.readAll(1), as: UTF8.self) },
                verdict { try client.walk(0, 2, "unlinked") },
            ].line
        },
        .init("an unlinked file that is not open: Tgetattr, Tlopen", "ok ok") { peer in
            peer.tree.makeFile("unlinked-2", Array("gone".utf8))
            let client = try peer.attach()
            try client.walk(0, 1, "unlinked-2")
            unlink(peer.tree.file("unlinked-2"))
            usleep(200_000)
            return [
                verdict { _ = try client.getattr(1) }, verdict { try client.open(1) },
            ].line
        },
        .init("a replaced file: what an old fid opens, another qid", "old yes") { peer in
            peer.tree.makeFile("replaced", Array("old".utf8))
            peer.tree.makeFile("replacement", Array("new".utf8))
            let client = try peer.attach()
            let before = try client.walk(0, 1, "replaced")
            rename(peer.tree.file("replacement"), peer.tree.file("replaced"))
            usleep(200_000)
            let content = outcome {
                try client.open(1)
                return String(decoding: try client.readAll(1), as: UTF8.self)
            }
            return [content, try client.walk(0, 2, "replaced") == before ? "no" : "yes"].line
        },
        .init("a changed file: another qid.version, the same path", "yes yes") { peer in
            peer.tree.makeFile("changed", Array("old".utf8))
            let client = try peer.attach()
            let before = try client.walk(0, 1, "changed")[0]
            usleep(20_000)
            peer.tree.makeFile("changed", Array("newer".utf8))
            usleep(200_000)
            let after = try client.walk(0, 2, "changed")[0]
            return [
                before.version != after.version ? "yes" : "no",
                before.path == after.path ? "yes" : "no",
            ].line
        },
    ]
}
