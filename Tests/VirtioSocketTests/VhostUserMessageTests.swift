import TestSupport
import Testing

@testable import VirtioSocket
@testable import VirtioSocketFuzzing

@Suite("vhost-user messages")
struct VhostUserMessageTests {
    static func bytes(_ fields: UInt64..., prefix: [UInt32] = []) -> [UInt8] {
        var bytes: [UInt8] = []
        for field in prefix { bytes.appendLittleEndian(field) }
        for field in fields { bytes.appendLittleEndian(field) }
        return bytes
    }

    struct Sample: Sendable, CustomTestStringConvertible {
        let request: UInt32
        let payload: [UInt8]
        let message: FrontendMessage
        var testDescription: String { "\(message)" }
    }

    static let samples: [Sample] = [
        Sample(request: 1, payload: [], message: .getFeatures),
        Sample(request: 2, payload: bytes(1 << 32), message: .setFeatures(1 << 32)),
        Sample(request: 3, payload: [], message: .setOwner),
        Sample(request: 4, payload: [], message: .resetOwner),
        Sample(
            request: 5,
            payload: bytes(0x1000, 0x2000, 0x7f00_0000, 0x3000, prefix: [1, 0]),
            message: .setMemoryTable([
                MemoryRegionDescription(
                    guestAddress: 0x1000,
                    size: 0x2000,
                    userAddress: 0x7f00_0000,
                    fileOffset: 0x3000
                )
            ])
        ),
        Sample(
            request: 8,
            payload: bytes(prefix: [1, 128]),
            message: .setVringSize(queue: 1, 128)
        ),
        Sample(
            request: 9,
            payload: bytes(1, 2, 3, 4, prefix: [2, 0]),
            message: .setVringAddresses(
                queue: 2,
                VringAddresses(descriptors: 1, used: 2, available: 3)
            )
        ),
        Sample(request: 10, payload: bytes(prefix: [0, 7]), message: .setVringBase(queue: 0, 7)),
        Sample(request: 11, payload: bytes(prefix: [1, 0]), message: .getVringBase(queue: 1)),
        Sample(request: 12, payload: bytes(1), message: .setVringKick(queue: 1, hasFile: true)),
        Sample(
            request: 13,
            payload: bytes(0x101),
            message: .setVringCall(queue: 1, hasFile: false)
        ),
        Sample(request: 14, payload: bytes(0), message: .setVringError(queue: 0, hasFile: true)),
        Sample(request: 15, payload: [], message: .getProtocolFeatures),
        Sample(request: 16, payload: bytes(0x228), message: .setProtocolFeatures(0x228)),
        Sample(request: 17, payload: [], message: .getQueueCount),
        Sample(
            request: 18,
            payload: bytes(prefix: [1, 1]),
            message: .setVringEnabled(queue: 1, true)
        ),
        Sample(request: 21, payload: [], message: .setBackendRequestChannel),
        Sample(
            request: 24,
            payload: bytes(0, prefix: [0, 8, 0]),
            message: .getConfiguration(offset: 0, size: 8, flags: 0)
        ),
    ]

    @Test("Messages decode, and cut short they throw", arguments: samples)
    func decode(_ sample: Sample) throws {
        let message = try FrontendMessage(
            request: sample.request,
            payload: sample.payload,
            queueCount: 3
        )
        #expect(message == sample.message)
        // The unused tail of a vring address (its log) and of a configuration may be missing.
        let needed = [9: 32, 11: 4, 24: 12][Int(sample.request)] ?? sample.payload.count
        for count in 0..<needed {
            #expect(throws: VhostUserError.self) {
                try FrontendMessage(
                    request: sample.request,
                    payload: Array(sample.payload.prefix(count)),
                    queueCount: 3
                )
            }
        }
    }

    @Test("Queues the device does not have are refused", arguments: [8, 9, 10, 11, 12, 13, 14, 18])
    func badQueue(request: UInt32) {
        #expect(throws: VhostUserError.self) {
            try FrontendMessage(
                request: request,
                payload: Self.bytes(3, 0, 0, 0, 0),
                queueCount: 3
            )
        }
    }

    @Test("More regions than are allowed, and unknown requests, are refused")
    func limits() {
        #expect(throws: VhostUserError.tooManyRegions(9)) {
            try FrontendMessage(request: 5, payload: Self.bytes(prefix: [9, 0]), queueCount: 3)
        }
        #expect(throws: VhostUserError.unsupportedRequest(40)) {
            try FrontendMessage(request: 40, payload: [], queueCount: 3)
        }
    }

    @Test("A reply's flags are exactly 0x5: QEMU does not start vhost with an echoed need_reply")
    func reply() {
        let reply = VhostUserHeader.reply(to: 2, payload: [0xaa, 0xbb])
        #expect(reply == [2, 0, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0, 0xaa, 0xbb])
    }

    @Test("Headers: version and length are checked")
    func header() throws {
        let good = try VhostUserHeader(decoding: Self.bytes(prefix: [2, 9, 8]))
        #expect(good == VhostUserHeader(request: 2, flags: 9, size: 8))
        #expect(good.needsReply)
        #expect(throws: VhostUserError.badVersion(flags: 2)) {
            try VhostUserHeader(decoding: Self.bytes(prefix: [2, 2, 8]))
        }
        #expect(throws: VhostUserError.payloadTooLong(request: 2, size: .max)) {
            try VhostUserHeader(decoding: Self.bytes(prefix: [2, 1, .max]))
        }
    }

    @Test("Any bytes decode or throw")
    func fuzz() {
        var random = SplitMix(seed: 1)
        for _ in 0..<20_000 {
            let payload = (0..<Int(random.next() % 300)).map { _ in
                UInt8(truncatingIfNeeded: random.next())
            }
            let request = UInt32(truncatingIfNeeded: random.next() % 45)
            _ = try? FrontendMessage(request: request, payload: payload, queueCount: 3)
        }
    }
}
