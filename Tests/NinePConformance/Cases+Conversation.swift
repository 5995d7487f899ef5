import NineP

extension ConformanceCase {
    /// Tversion, Tattach, Tflush, and what is no request.
    static let conversation: [ConformanceCase] = [
        .init("msize 4096, 8192, 65560, 1048576, 4294967295", "4096 8192 65560 1048576 1048576") {
            peer in
            let client = try peer.connect()
            return [UInt32](arrayLiteral: 4096, 8192, 65_560, 1 << 20, .max).map { size in
                outcome { "\(try client.version(size).0)" }
            }.line
        },
        .init("msize 4095", "EINVAL") { peer in
            let client = try peer.connect()
            return outcome { "\(try client.version(4095).0)" }
        },
        .init("Tversion `9P2000.u`", "unknown") { peer in
            try peer.connect().version(8192, "9P2000.u").1
        },
        .init("a request before Tversion", "EPROTO") { peer in
            let client = try peer.connect()
            return verdict { try client.attach(0, peer.attachName) }
        },
        .init("Tversion in mid-session: an old fid", "EBADF") { peer in
            let client = try peer.attach()
            try client.version()
            return verdict { _ = try client.getattr(0) }
        },
        .init("Tauth", "ENOENT") { peer in
            let client = try peer.attach()
            return verdict {
                try client.call(.tauth) {
                    $0.tauth(tag: $1, afid: 9, user: [], attachName: [], uid: 0)
                }
            }
        },
        .init("Tattach: other aname, fid in use, afid given", "ENOENT EBADF EBADF") { peer in
            let client = try peer.attach()
            return [
                verdict { try client.attach(1, peer.attachName + "-none") },
                verdict { try client.attach(0, peer.attachName) },
                verdict { try client.attach(2, peer.attachName, afid: 7) },
            ].line
        },
        .init("Tflush of a tag that nobody has", "ok") { peer in
            let client = try peer.attach()
            return verdict { try client.flush(999) }
        },
        .init("Tread and a Tflush of it, sent together: the replies", "rread rflush", isRace: true)
        { peer in
            let client = try peer.attach()
            try client.walk(0, 1, "big.bin")
            try client.open(1)
            client.transport.send(
                TestClient.message {
                    $0.readRequest(.tread, tag: 900, fid: 1, offset: 0, count: 6000)
                } + TestClient.message { $0.tflush(tag: 901, oldTag: 900) }
            )
            return (0..<2).map { _ in
                guard let reply = client.transport.receive() else { return "no reply" }
                return MessageType(rawValue: reply[4]).map { "\($0)" } ?? "nonsense"
            }.line
        },
        .init("a type that is not 9P2000.L's", "EOPNOTSUPP") { peer in
            let client = try peer.attach()
            client.transport.send([7, 0, 0, 0, 98, 5, 0])
            return verdict { try client.receive(.tclunk, tag: 5) }
        },
        .init("a body that is too short", "EBADMSG") { peer in
            let client = try peer.attach()
            client.transport.send([9, 0, 0, 0, MessageType.tgetattr.rawValue, 5, 0, 0, 0])
            return verdict { try client.receive(.tgetattr, tag: 5) }
        },
        .init("a length of 6", "no reply") { peer in
            let client = try peer.attach()
            client.transport.send([6, 0, 0, 0, MessageType.tclunk.rawValue, 5, 0])
            return verdict { try client.receive(.tclunk, tag: 5) }
        },
        .init("Tclunk, again, and of an unknown fid", "ok EBADF EBADF") { peer in
            let client = try peer.attach()
            return [
                verdict { try client.clunk(0) }, verdict { try client.clunk(0) },
                verdict { try client.clunk(77) },
            ].line
        },
    ]

    /// Twalk.
    static let walks: [ConformanceCase] = [
        .init("Twalk without names: the same qid", "yes") { peer in
            let client = try peer.attach()
            let root = try client.getattr(0).qid
            try client.walk(0, 1)
            return try client.getattr(1).qid == root ? "yes" : "no"
        },
        .init("Twalk from an open fid, without and with names", "ok ok") { peer in
            let client = try peer.attach()
            try client.walk(0, 1, "sub")
            try client.open(1)
            return [
                verdict { try client.walk(1, 2) }, verdict { try client.walk(1, 3, "deep") },
            ].line
        },
        .init("Twalk that ends early: qids, and its newfid", "1 EBADF") { peer in
            let client = try peer.attach()
            let count = outcome { "\(try client.walk(0, 1, "sub", "none", "x").count)" }
            return [count, verdict { _ = try client.getattr(1) }].line
        },
        .init("Twalk whose first name is not there", "ENOENT") { peer in
            let client = try peer.attach()
            return verdict { try client.walk(0, 1, "none") }
        },
        .init("Twalk through a file: first name, second", "ENOTDIR 1") { peer in
            let client = try peer.attach()
            try client.walk(0, 1, "a.txt")
            return [
                verdict { try client.walk(1, 2, "x") },
                outcome { "\(try client.walk(0, 3, "a.txt", "x").count)" },
            ].line
        },
        .init("Twalk to `..` of the root: the root", "yes") { peer in
            let client = try peer.attach()
            let root = try client.getattr(0).qid
            return outcome { try client.walk(0, 1, "..") == [root] ? "yes" : "no" }
        },
        .init("Twalk: unknown fid, newfid in use", "EBADF EBADF") { peer in
            let client = try peer.attach()
            try client.walk(0, 1)
            return [
                verdict { try client.walk(77, 78) }, verdict { try client.walk(0, 1, "sub") },
            ].line
        },
        .init("Twalk to names `\"\"`, `a/b`, `sub/deep`", "EINVAL EINVAL EINVAL") { peer in
            let client = try peer.attach()
            return ["", "a/b", "sub/deep"].enumerated().map { index, name in
                verdict { try client.walk(0, UInt32(index) + 1, name) }
            }.line
        },
        .init("Twalk to a name of 256 bytes, of 255", "ENAMETOOLONG ENOENT") { peer in
            let client = try peer.attach()
            let long = [UInt8](repeating: 0x61, count: 256)
            return [
                verdict { try client.walk(0, 1, bytes: [long]) },
                verdict { try client.walk(0, 1, bytes: [Array(long.dropLast())]) },
            ].line
        },
        .init("Twalk to a name that is not UTF-8", "ok") { peer in
            let client = try peer.attach()
            return verdict { try client.walk(0, 1, bytes: [TestTree.rawName]) }
        },
        .init("Twalk through a symbolic link", "1") { peer in
            let client = try peer.attach()
            return outcome { "\(try client.walk(0, 1, "outside", "passwd").count)" }
        },
    ]
}
