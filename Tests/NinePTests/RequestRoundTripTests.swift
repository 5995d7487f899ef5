import NineP
import NinePRewriting
import Testing

struct RequestCase: Sendable, CustomTestStringConvertible {
    let type: MessageType
    let write: @Sendable (inout WireWriter) -> Void
    var testDescription: String { "\(type)" }

    static let tag: UInt16 = 0x1234
    static let all: [RequestCase] = [
        .init(type: .tversion) { $0.tversion(tag: tag, messageSize: 8192, version: someName) },
        .init(type: .tauth) {
            $0.tauth(tag: tag, afid: 1, user: someName, attachName: [], uid: 3)
        },
        .init(type: .tattach) {
            $0.tattach(tag: tag, fid: 1, afid: 2, user: [], attachName: someName, uid: 3)
        },
        .init(type: .tflush) { $0.tflush(tag: tag, oldTag: 0xfedc) },
        .init(type: .twalk) { $0.twalk(tag: tag, fid: 1, newFid: 2, names: []) },
        .init(type: .twalk) {
            $0.twalk(tag: tag, fid: 1, newFid: 2, names: Array(repeating: someName, count: 16))
        },
        .init(type: .tlopen) { $0.tlopen(tag: tag, fid: 1, flags: 0o200000) },
        .init(type: .tlcreate) {
            $0.tlcreate(tag: tag, fid: 1, name: someName, flags: 2, mode: 3, gid: 4)
        },
        .init(type: .tsymlink) {
            $0.tsymlink(tag: tag, directory: 1, name: someName, target: [0x2f], gid: 2)
        },
        .init(type: .tmknod) {
            $0.tmknod(
                tag: tag,
                directory: 1,
                name: someName,
                mode: 2,
                major: 3,
                minor: 4,
                gid: 5
            )
        },
        .init(type: .trename) { $0.trename(tag: tag, fid: 1, directory: 2, name: someName) },
        .init(type: .treadlink) { $0.fidRequest(.treadlink, tag: tag, fid: 0xffff_fffe) },
        .init(type: .tgetattr) { $0.tgetattr(tag: tag, fid: 1, mask: 0x3fff) },
        .init(type: .tsetattr) { writer in
            var attributes = SetAttributes()
            attributes.valid = 1
            attributes.mode = 2
            attributes.uid = 3
            attributes.gid = 4
            attributes.size = 1 << 40
            attributes.accessedSeconds = 5
            attributes.accessedNanoseconds = 6
            attributes.modifiedSeconds = 7
            attributes.modifiedNanoseconds = 8
            writer.tsetattr(tag: tag, fid: 9, attributes)
        },
        .init(type: .txattrwalk) {
            $0.txattrwalk(tag: tag, fid: 1, newFid: 2, name: someName)
        },
        .init(type: .txattrcreate) {
            $0.txattrcreate(tag: tag, fid: 1, name: someName, size: 1 << 33, flags: 2)
        },
        .init(type: .treaddir) {
            $0.readRequest(.treaddir, tag: tag, fid: 1, offset: .max, count: 3)
        },
        .init(type: .tfsync) { $0.tfsync(tag: tag, fid: 1, dataOnly: 1) },
        .init(type: .tlock) {
            $0.tlock(
                tag: tag,
                fid: 1,
                kind: 1,
                flags: 2,
                start: 3,
                length: 4,
                process: 5,
                client: someName
            )
        },
        .init(type: .tgetlock) {
            $0.tgetlock(
                tag: tag,
                fid: 1,
                kind: 1,
                start: 3,
                length: 4,
                process: 5,
                client: someName
            )
        },
        .init(type: .tlink) { $0.tlink(tag: tag, directory: 1, fid: 2, name: someName) },
        .init(type: .tmkdir) {
            $0.tmkdir(tag: tag, directory: 1, name: someName, mode: 2, gid: 3)
        },
        .init(type: .trenameat) {
            $0.trenameat(
                tag: tag,
                oldDirectory: 1,
                oldName: someName,
                newDirectory: 2,
                newName: [0x62]
            )
        },
        .init(type: .tunlinkat) {
            $0.tunlinkat(tag: tag, directory: 1, name: someName, flags: 0x200)
        },
        .init(type: .tread) {
            $0.readRequest(.tread, tag: tag, fid: 1, offset: 1 << 40, count: .max)
        },
        .init(type: .twrite) {
            $0.twrite(tag: tag, fid: 1, offset: 1 << 40, data: [1, 2, 3])
        },
        .init(type: .tclunk) { $0.fidRequest(.tclunk, tag: tag, fid: 1) },
        .init(type: .tremove) { $0.fidRequest(.tremove, tag: tag, fid: 1) },
        .init(type: .tstatfs) { $0.fidRequest(.tstatfs, tag: tag, fid: 1) },
    ]
}

@Suite struct RequestRoundTripTests {
    @Test func tableNamesEveryRequest() {
        let covered = Set(RequestCase.all.map(\.type))
        #expect(covered == Set(MessageType.allCases.filter(\.isRequest)))
    }

    @Test(arguments: RequestCase.all)
    func writtenAgainFromItsDecodedFormIsTheSame(_ test: RequestCase) throws {
        let bytes = try #require(message(test.write))
        try bytes.withUnsafeBytes { memory in
            var reader = WireReader(memory)
            let header = MessageHeader(from: &reader)
            #expect(header.size == UInt32(bytes.count))
            #expect(header.type == test.type)
            #expect(header.tag == RequestCase.tag)
            let request = try #require(Request(test.type, from: &reader))
            #expect(message { $0.write(request, tag: header.tag, from: reader) } == bytes)
            #expect(!messageText(memory).contains("malformed"))
        }
    }

    @Test(arguments: RequestCase.all)
    func everyOtherLengthIsRefused(_ test: RequestCase) throws {
        let bytes = try #require(message(test.write))
        for count in Array(7..<bytes.count) + [bytes.count + 1] {
            let other = count < bytes.count ? Array(bytes[..<count]) : bytes + [0]
            let isOldFsync = test.type == .tfsync && count == 11
            other.withUnsafeBytes { memory in
                var reader = WireReader(memory)
                _ = MessageHeader(from: &reader)
                #expect((Request(test.type, from: &reader) == nil) != isOldFsync, "\(count)")
            }
        }
    }

    @Test func seventeenNamesAreRefused() throws {
        let names = Array(repeating: someName, count: 17)
        let bytes = try #require(message { $0.twalk(tag: 1, fid: 1, newFid: 2, names: names) })
        bytes.withUnsafeBytes { memory in
            var reader = WireReader(memory)
            _ = MessageHeader(from: &reader)
            #expect(Request(.twalk, from: &reader) == nil)
        }
    }

    @Test func traceQuotesNames() throws {
        let bytes = try #require(message { $0.twalk(tag: 7, fid: 1, newFid: 2, names: [someName]) })
        let text = bytes.withUnsafeBytes { messageText($0) }
        #expect(text == #"Twalk tag 7 fid 1 newfid 2 "f\xff.\"""#)
    }

    @Test func nothingIsReadOrWrittenBeyondTheEnd() {
        let bytes: [UInt8] = [1, 2, 3]
        bytes.withUnsafeBytes { memory in
            for offset in [-1, 4, Int.max] {
                var reader = WireReader(memory)
                reader.skip(to: offset)
                #expect(reader.failed && reader.u8() == 0)
            }
        }
        let long = [UInt8](repeating: 0x61, count: 65_536)
        #expect(message { $0.twalk(tag: 1, fid: 1, newFid: 2, names: [long]) } == nil)
    }
}
