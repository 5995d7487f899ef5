import GuestProtocol
import Testing

@Suite struct MessageTests {
    @Test(arguments: Samples.hostMessages)
    func hostMessageComesBackAsItWas(message: HostMessage) throws {
        var decoder = FrameDecoder()
        decoder.push(try message.frame())
        let payload = try #require(try decoder.next())
        #expect(try HostMessage(payload: payload) == message)
        #expect(decoder.pendingBytes == 0)
    }

    @Test(arguments: Samples.guestMessages)
    func guestMessageComesBackAsItWas(message: GuestMessage) throws {
        var decoder = FrameDecoder()
        decoder.push(try message.frame())
        let payload = try #require(try decoder.next())
        #expect(try GuestMessage(payload: payload) == message)
    }

    @Test(arguments: Samples.hostMessages)
    func everyCutHostMessageIsAnError(message: HostMessage) {
        var writer = WireWriter()
        message.encode(into: &writer)
        for length in 0..<writer.bytes.count {
            #expect(throws: WireError.self) {
                try HostMessage(payload: Array(writer.bytes.prefix(length)))
            }
        }
        #expect(throws: WireError.trailingBytes(1)) {
            try HostMessage(payload: writer.bytes + [0])
        }
    }

    @Test(arguments: Samples.guestMessages)
    func everyCutGuestMessageIsAnError(message: GuestMessage) {
        var writer = WireWriter()
        message.encode(into: &writer)
        for length in 0..<writer.bytes.count {
            #expect(throws: WireError.self) {
                try GuestMessage(payload: Array(writer.bytes.prefix(length)))
            }
        }
    }

    /// What is no error has to encode to the very bytes that were read: one encoding for each value.
    @Test func damagedMessagesNeverTrap() throws {
        var generator = SystemRandomNumberGenerator()
        for message in Samples.hostMessages {
            var writer = WireWriter()
            message.encode(into: &writer)
            for _ in 0..<200 {
                var bytes = writer.bytes
                bytes[Int.random(in: bytes.indices, using: &generator)] = .random(in: 0...255)
                guard let other = try? HostMessage(payload: bytes) else { continue }
                var again = WireWriter()
                other.encode(into: &again)
                #expect(again.bytes == bytes)
            }
        }
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0..<64)).map { _ in UInt8.random(in: 0...16) }
            _ = try? HostMessage(payload: bytes)
            _ = try? GuestMessage(payload: bytes)
        }
    }

    @Test(arguments: [
        ([1, 0, 0, 0, 0xFF], WireError.invalidString),
        ([1, 0, 0, 0, 0], .invalidString),
        ([2, 0, 0, 0, 0x61], .truncated),
        ([0xFF, 0xFF, 0xFF, 0xFF], .truncated),
    ])
    func stringsAreChecked(bytes: [UInt8], error: WireError) {
        var reader = WireReader(bytes)
        #expect(throws: error) { try reader.string() }
    }

    @Test func longStringsAndListsAreRefused() {
        var writer = WireWriter()
        writer.append(String(repeating: "a", count: ControlProtocol.maximumString + 1))
        var reader = WireReader(writer.bytes)
        #expect(throws: WireError.tooLong(ControlProtocol.maximumString + 1)) {
            try reader.string()
        }
        var list = WireWriter()
        list.append(UInt32.max)
        var listReader = WireReader(list.bytes)
        #expect(throws: WireError.tooLong(Int(UInt32.max))) { try listReader.strings() }
    }

    @Test func failureReadsAsOneLine() {
        #expect(
            Samples.failure.description
                == "mke2fs disk target partition 1: exit status 1 (mke2fs -F)"
        )
    }
}
