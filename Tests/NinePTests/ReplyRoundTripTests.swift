import NineP
import NinePRewriting
import TestSupport
import Testing

struct ReplyCase: Sendable, CustomTestStringConvertible {
    let type: MessageType
    let write: @Sendable (inout WireWriter) -> Void
    var testDescription: String { "\(type)" }

    static let tag: UInt16 = 0x4321
    static let bodiless: [MessageType] = [
        .rclunk, .rflush, .rfsync, .rremove, .rrename, .rrenameat, .runlinkat, .rlink, .rsetattr,
        .rxattrcreate,
    ]
    static let all: [ReplyCase] =
        bodiless.map { type in .init(type: type) { $0.begin(type, tag: tag) } }
        + [.rauth, .rattach, .rsymlink, .rmknod, .rmkdir].map { type in
            .init(type: type) { $0.qidReply(type, tag: tag, someQid) }
        }
        + [.rlopen, .rlcreate].map { type in
            .init(type: type) { $0.openReply(type, tag: tag, someQid, ioUnit: 77) }
        }
        + [.rread, .rreaddir].map { type in
            .init(type: type) {
                $0.dataReply(type, tag: tag, count: 3)
                $0.data([1, 2, 3])
            }
        } + others

    private static let others: [ReplyCase] = [
        .init(type: .rlerror) { $0.rlerror(tag: tag, errno: 30) },
        .init(type: .rversion) {
            $0.rversion(tag: tag, messageSize: 4096, version: Protocol9P.version)
        },
        .init(type: .rwalk) {
            $0.rwalk(tag: tag)
            for _ in 0..<16 { $0.qid(someQid) }
            $0.finishWalk(count: 16)
        },
        .init(type: .rreadlink) { $0.rreadlink(tag: tag, target: someName) },
        .init(type: .rgetattr) { writer in
            var attributes = ReplyAttributes(qid: someQid)
            attributes.mode = 0o100644
            attributes.uid = 1
            attributes.gid = 2
            attributes.linkCount = 3
            attributes.device = 4
            attributes.size = 1 << 40
            attributes.blockSize = 4096
            attributes.blocks = 5
            for index in attributes.times.indices { attributes.times[index] = UInt64(index) + 9 }
            attributes.generation = 6
            attributes.dataVersion = 7
            writer.rgetattr(tag: tag, attributes)
        },
        .init(type: .rxattrwalk) { $0.rxattrwalk(tag: tag, size: 1 << 40) },
        .init(type: .rlock) { $0.rlock(tag: tag, status: 1) },
        .init(type: .rgetlock) {
            $0.rgetlock(
                tag: tag,
                kind: 2,
                start: 3,
                length: 4,
                process: 5,
                client: someName
            )
        },
        .init(type: .rwrite) { $0.rwrite(tag: tag, count: 8) },
        .init(type: .rstatfs) { writer in
            var figures = ReplyStatistics()
            figures.type = 0x0102_1997
            figures.blockSize = 4096
            figures.blocks = 1
            figures.freeBlocks = 2
            figures.availableBlocks = 3
            figures.files = 4
            figures.freeFiles = 5
            figures.identifier = 6
            figures.maximumNameLength = 255
            writer.rstatfs(tag: tag, figures)
        },
    ]
}

@Suite struct ReplyRoundTripTests {
    @Test func tableNamesEveryReply() {
        let covered = Set(ReplyCase.all.map(\.type))
        #expect(covered == Set(MessageType.allCases.filter { !$0.isRequest }))
    }

    @Test(arguments: ReplyCase.all)
    func writtenAgainFromItsDecodedFormIsTheSame(_ test: ReplyCase) throws {
        let bytes = try #require(message(test.write))
        try bytes.withUnsafeBytes { memory in
            var reader = WireReader(memory)
            let header = MessageHeader(from: &reader)
            #expect(header.type == test.type)
            let reply = try #require(Reply(test.type, from: &reader))
            #expect(message { $0.write(test.type, reply, tag: header.tag, from: reader) } == bytes)
            #expect(!messageText(memory).contains("malformed"))
        }
    }

    @Test(arguments: ReplyCase.all)
    func everyOtherLengthIsRefused(_ test: ReplyCase) throws {
        let bytes = try #require(message(test.write))
        for count in Array(7..<bytes.count) + [bytes.count + 1] {
            let other = count < bytes.count ? Array(bytes[..<count]) : bytes + [0]
            other.withUnsafeBytes { memory in
                var reader = WireReader(memory)
                _ = MessageHeader(from: &reader)
                #expect(Reply(test.type, from: &reader) == nil, "\(count)")
            }
        }
    }

    @Test(arguments: ReplyCase.all)
    func aMessageThatDoesNotFitIsNotFinished(_ test: ReplyCase) throws {
        let whole = try #require(message(test.write)).count
        for size in 0..<whole {
            var memory = [UInt8](repeating: 0, count: size)
            let count = memory.withUnsafeMutableBytes { memory -> Int? in
                var writer = WireWriter(memory)
                test.write(&writer)
                return writer.finish()
            }
            #expect(count == nil)
        }
    }

    @Test func randomBytesDecodeToSomethingOrNothing() {
        var random = SplitMix(seed: 4)
        let types = MessageType.allCases
        var decoded = 0
        for _ in 0..<40_000 {
            let length = Int.random(in: 0...96, using: &random)
            var bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            // Small numbers, so that some lengths and counts fit.
            for index in bytes.indices where Bool.random(using: &random) { bytes[index] = 0 }
            if bytes.count > 4 { bytes[4] = types.randomElement(using: &random)!.rawValue }
            bytes.withUnsafeBytes { memory in
                var reader = WireReader(memory)
                let header = MessageHeader(from: &reader)
                guard let type = header.type else { return }
                if type.isRequest {
                    if Request(type, from: &reader) != nil { decoded += 1 }
                } else {
                    if Reply(type, from: &reader) != nil { decoded += 1 }
                }
                _ = messageText(memory)
            }
        }
        #expect(decoded > 100)
    }
}
