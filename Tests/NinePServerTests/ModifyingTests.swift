import CLinux
import NineP
import NinePServer
import Testing

@Suite struct ModifyingTests {
    typealias Write = @Sendable (inout WireWriter, UInt16) -> Void

    static let requests: [(MessageType, Write)] = [
        (.tlcreate, { $0.tlcreate(tag: $1, fid: 0, name: [0x61], flags: 2, mode: 0, gid: 0) }),
        (.tsymlink, { $0.tsymlink(tag: $1, directory: 0, name: [0x61], target: [0x62], gid: 0) }),
        (
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
        (.trename, { $0.trename(tag: $1, fid: 0, directory: 0, name: [0x61]) }),
        (.tsetattr, { $0.tsetattr(tag: $1, fid: 0, SetAttributes()) }),
        (.txattrcreate, { $0.txattrcreate(tag: $1, fid: 0, name: [0x61], size: 1, flags: 0) }),
        (.tlink, { $0.tlink(tag: $1, directory: 0, fid: 0, name: [0x61]) }),
        (.tmkdir, { $0.tmkdir(tag: $1, directory: 0, name: [0x61], mode: 0, gid: 0) }),
        (
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
        (.tunlinkat, { $0.tunlinkat(tag: $1, directory: 0, name: [0x61], flags: 0) }),
        (
            .twrite,
            { $0.twrite(tag: $1, fid: 0, offset: 0, data: [UInt8](repeating: 0, count: 50_000)) }
        ),
        (.tremove, { $0.fidRequest(.tremove, tag: $1, fid: 1) }),
    ]

    @Test func tableNamesThemAll() {
        #expect(
            Set(Self.requests.map(\.0)) == Set(MessageType.allCases.filter(\.isModifying))
        )
    }

    @Test(arguments: requests)
    func areRefused(_ type: MessageType, _ write: Write) throws {
        let server = try TestServer(.memory, [("", Namespace([("f", .file([]))]))])
        let client = try server.attach()
        try client.walk(0, 1, "f")
        #expect(refusal { try client.call(type, write) } == EROFS)
        // remove(5) gives the fid up even so.
        #expect((refusal { _ = try client.getattr(1) } == EBADF) == (type == .tremove))
        _ = try client.getattr(0)
    }

    @Test func aRemoveThatNamesNoFidGivesNoneUp() throws {
        let server = try TestServer(.memory, [("", Namespace([("f", .file([]))]))])
        let client = try server.attach()
        client.transport.send([10, 0, 0, 0, MessageType.tremove.rawValue, 5, 0, 0, 0, 0])
        #expect(refusal { _ = try client.receive(.tremove, tag: 5) } == EROFS)
        _ = try client.getattr(0)
    }
}
