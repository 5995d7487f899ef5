import GuestProtocol
import Testing

@Suite struct FrameTests {
    @Test func frameOfKnownBytes() throws {
        // CRC-32C over 01 00 00 00 2a.
        let frame = try Frame.encode([0x2A])
        let header: [UInt8] = [0x42, 0x4C, 0x44, 0x31, 1, 0, 0, 0, 0x7F, 0xBF, 0x3C, 0x36]
        #expect(frame == header + [0x2A])
    }

    @Test func framesComeOutWholeHoweverTheyArrive() throws {
        let payloads: [[UInt8]] = [[], [1], Array(repeating: 7, count: 70_000), [2, 3]]
        let stream = try payloads.flatMap { try Frame.encode($0) }
        for step in [1, 5, 4096, stream.count] {
            var decoder = FrameDecoder()
            var found: [[UInt8]] = []
            var offset = 0
            while offset < stream.count {
                decoder.push(stream[offset..<min(offset + step, stream.count)])
                while let payload = try decoder.next() { found.append(payload) }
                offset += step
            }
            #expect(found == payloads)
            #expect(decoder.pendingBytes == 0)
        }
    }

    @Test func everyDamagedByteIsSeen() throws {
        let frame = try Frame.encode([1, 2, 3, 4])
        for index in frame.indices {
            var damaged = frame
            damaged[index] ^= 0x10
            var decoder = FrameDecoder()
            decoder.push(damaged)
            // A longer length only waits for more; its end then shows in the checksum.
            decoder.push(Array(repeating: 0, count: 1 << 12))
            if index == 6 {
                // 1 MiB and 4 bytes: over the limit.
                #expect(throws: FrameError.payloadTooLong((1 << 20) + 4)) {
                    try decoder.next()
                }
            } else {
                #expect(throws: FrameError.self, "byte \(index)") { try decoder.next() }
            }
        }
    }

    @Test func errorsStay() throws {
        var decoder = FrameDecoder()
        decoder.push(Array("Linux version".utf8))
        #expect(throws: FrameError.self) { try decoder.next() }
        decoder.push(try Frame.encode([1]))
        #expect(throws: FrameError.self) { try decoder.next() }
    }

    @Test func limitIsExact() throws {
        let largest = Array(repeating: UInt8(1), count: ControlProtocol.maximumPayload)
        var decoder = FrameDecoder()
        decoder.push(try Frame.encode(largest))
        #expect(try decoder.next()?.count == largest.count)
        #expect(throws: FrameError.payloadTooLong(largest.count + 1)) {
            try Frame.encode(largest + [0])
        }
    }
}
