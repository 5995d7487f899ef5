import CLinux
import NineP
import NinePConformance
import NinePServer
import Testing

@Suite struct ModifyingTests {
    @Test func tableNamesThemAll() {
        #expect(
            Set(ModifyingRequest.all.map(\.type)) == Set(MessageType.allCases.filter(\.isModifying))
        )
    }

    @Test(arguments: ModifyingRequest.all)
    func areRefused(_ request: ModifyingRequest) throws {
        let server = try TestServer(.memory, [("", Namespace([("f", .file([]))]))])
        let client = try server.attach()
        try client.walk(0, 1, "f")
        #expect(refusal { try client.call(request.type, request.write) } == EROFS)
        // remove(5) gives the fid up even so.
        #expect((refusal { _ = try client.getattr(1) } == EBADF) == (request.type == .tremove))
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
