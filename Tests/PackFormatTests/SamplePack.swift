import PackFormat
import Testing

/// Objects of every kind, with contents of telling lengths.
enum SamplePack {
    static func checksum(_ seed: UInt8) -> [UInt8] { [UInt8](repeating: seed, count: 32) }

    static func content(_ count: Int) -> [UInt8] { (0..<count).map { UInt8($0 * 7 % 251) } }

    static func file(_ seed: UInt8, _ length: Int, mode: UInt32 = 0o100644) -> PackObject {
        PackObject(
            file: checksum(seed),
            mode: mode,
            uid: 0,
            gid: 0,
            contentLength: UInt64(length)
        )
    }

    static let link = PackObject(
        file: checksum(20),
        mode: 0o120777,
        uid: 1,
        gid: 2,
        symlinkTarget: Array("../lib".utf8),
        attributes: [.init(name: Array("security.selinux".utf8), value: [1, 0])],
        contentLength: 0
    )

    static let setuid = PackObject(
        file: checksum(21),
        mode: 0o104755,
        uid: 1000,
        gid: .max,
        attributes: [
            .init(name: Array("security.capability".utf8), value: [1, 0, 0, 2]),
            .init(name: Array("user.empty".utf8), value: []),
        ],
        contentLength: 3
    )

    static let commit = PackObject(
        metadata: .commit,
        checksum: checksum(99),
        contentLength: 100
    )

    static let objects: [PackObject] =
        [0, 1, 7, 8, 4095, 65535, 65536, 100_001].enumerated().map { file(UInt8($0), $1) } + [
            link, setuid, PackObject(metadata: .dirTree, checksum: checksum(30), contentLength: 9),
            PackObject(metadata: .dirMeta, checksum: checksum(31), contentLength: 12),
            PackObject(metadata: .commitMeta, checksum: checksum(99), contentLength: 0), commit,
        ]

    static func encode(_ objects: [PackObject]) throws -> [UInt8] {
        var encoder = PackEncoder()
        var body: [UInt8] = []
        for object in objects {
            let record = try encoder.append(object)
            #expect(record.offset == UInt64(PackFormat.headerLength + body.count))
            let before = body.count
            body += record.head + [UInt8](repeating: 0, count: record.padding)
            if object.contentLength >= 65536 {
                #expect((PackFormat.headerLength + body.count) % 4096 == 0)
            }
            body += content(Int(object.contentLength))
            body += [UInt8](repeating: 0, count: record.tail)
            #expect(record.byteCount == UInt64(body.count - before))
        }
        let (header, trailer, told) = try encoder.finish()
        let pack = header + body + trailer
        #expect(told.totalBytes == UInt64(pack.count))
        return pack
    }

    /// Decodes in pieces of `step` bytes.
    static func decode(
        _ pack: [UInt8],
        step: Int = .max
    ) throws -> (objects: [PackObject], contents: [[UInt8]]) {
        var decoder = PackDecoder()
        var objects: [PackObject] = []
        var contents: [[UInt8]] = []
        var ends = 0
        var start = 0
        while start < pack.count {
            let piece = Array(pack[start..<min(pack.count, start + min(step, pack.count))])
            start += piece.count
            var offset = 0
            var isHungry = false
            while !isHungry {
                switch try decoder.next(piece.span.bytes, &offset) {
                case .needsMore: isHungry = true
                case .header(let header): #expect(header.totalBytes == UInt64(pack.count))
                case .object(let object):
                    #expect(ends == objects.count)
                    objects.append(object)
                    contents.append([])
                case .content(let range): contents[contents.count - 1] += piece[range]
                case .endOfObject: ends += 1
                case .end: isHungry = true
                }
            }
            #expect(offset == piece.count)
        }
        try decoder.finish()
        #expect(ends == objects.count)
        return (objects, contents)
    }
}
