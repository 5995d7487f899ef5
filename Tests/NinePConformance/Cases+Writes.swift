import NineP

/// One request of each type that changes a tree, on the fids 0 (the root) and 1.
package struct ModifyingRequest: Sendable, CustomStringConvertible {
    package typealias Write = @Sendable (inout WireWriter, UInt16) -> Void
    package let type: MessageType
    package let write: Write
    package var description: String { "\(type)" }

    private init(_ type: MessageType, _ write: @escaping Write) {
        self.type = type
        self.write = write
    }

    package static let all: [ModifyingRequest] = [
        .init(.tlcreate, { $0.tlcreate(tag: $1, fid: 0, name: [0x61], flags: 2, mode: 0, gid: 0) }),
        .init(
            .tsymlink,
            { $0.tsymlink(tag: $1, directory: 0, name: [0x61], target: [0x62], gid: 0) }
        ),
        .init(
            .tmknod,
            {
                $0.tmknod(
                    tag: $1,
                    directory: 0,
                    name: [0x61],
                    mode: 0,
                    major: 0,
                    minor: 0,
                    gid: 0
                )
            }
        ),
        .init(.trename, { $0.trename(tag: $1, fid: 0, directory: 0, name: [0x61]) }),
        .init(.tsetattr, { $0.tsetattr(tag: $1, fid: 0, SetAttributes()) }),
        .init(.txattrcreate, { $0.txattrcreate(tag: $1, fid: 0, name: [0x61], size: 1, flags: 0) }),
        .init(.tlink, { $0.tlink(tag: $1, directory: 0, fid: 0, name: [0x61]) }),
        .init(.tmkdir, { $0.tmkdir(tag: $1, directory: 0, name: [0x61], mode: 0, gid: 0) }),
        .init(
            .trenameat,
            {
                $0.trenameat(
                    tag: $1,
                    oldDirectory: 0,
                    oldName: [0x61],
                    newDirectory: 0,
                    newName: [0x62]
                )
            }
        ),
        .init(.tunlinkat, { $0.tunlinkat(tag: $1, directory: 0, name: [0x61], flags: 0) }),
        .init(
            .twrite,
            { $0.twrite(tag: $1, fid: 0, offset: 0, data: [UInt8](repeating: 0, count: 50_000)) }
        ),
        .init(.tremove, { $0.fidRequest(.tremove, tag: $1, fid: 1) }),
    ]
}

extension ConformanceCase {
    /// Requests that would change the tree, all of them refused.
    static let writes: [ConformanceCase] =
        ModifyingRequest.all.map { request in
            let name = "\(request.type)"
            return ConformanceCase("T\(name.dropFirst()) on a read-only server", "EROFS") { peer in
                let client = try peer.attach()
                try client.walk(0, 1, "empty")
                return verdict { try client.call(request.type, request.write) }
            }
        } + [
            .init("Tremove gives up its fid even so", "EBADF") { peer in
                let client = try peer.attach()
                try client.walk(0, 1, "empty")
                _ = verdict {
                    try client.call(.tremove) { $0.fidRequest(.tremove, tag: $1, fid: 1) }
                }
                return verdict { _ = try client.getattr(1) }
            }
        ]
}
