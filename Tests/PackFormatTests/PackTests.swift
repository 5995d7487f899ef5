import PackFormat
import Testing

@Suite struct PackTests {
    @Test(arguments: [1, 3, 8, 47, 4096, 65536, Int.max])
    func aPackComesOutAsItWentInHoweverItArrives(step: Int) throws {
        let pack = try SamplePack.encode(SamplePack.objects)
        let (objects, contents) = try SamplePack.decode(pack, step: step)
        #expect(objects == SamplePack.objects)
        for (object, content) in zip(objects, contents) {
            #expect(content == SamplePack.content(Int(object.contentLength)))
        }
    }

    @Test func headerOfKnownBytes() throws {
        let pack = try SamplePack.encode([SamplePack.commit])
        #expect(Array(pack[..<16]) == Array("BLDPACK\n".utf8) + [1, 0, 0, 0, 0, 0, 0, 0])
        #expect(Array(pack[16..<24]) == [1, 0, 0, 0, 0, 0, 0, 0])
        // Header, head of 68 bytes and its padding, 100 bytes and theirs, trailer.
        #expect(pack.count == 48 + 72 + 104 + 24)
        #expect(pack[52] == 4)
    }

    @Test func everyDamagedByteOfAHeadIsSeen() throws {
        let pack = try SamplePack.encode([SamplePack.link, SamplePack.setuid, SamplePack.commit])
        let reference = try SamplePack.decode(pack)
        for index in pack.indices {
            for bit: UInt8 in [0x01, 0x10, 0x80] {
                var damaged = pack
                damaged[index] ^= bit
                // Only contents and padding are without a checksum.
                guard let found = try? SamplePack.quietlyDecoded(damaged) else { continue }
                #expect(found == reference.objects, "byte \(index)")
            }
        }
    }

    @Test func aShortPackIsTruncated() throws {
        let pack = try SamplePack.encode(SamplePack.objects)
        for count in [0, 47, 48, 100, pack.count - 24, pack.count - 1] {
            #expect(throws: PackError.truncated) {
                try SamplePack.quietlyDecoded(Array(pack[..<count]))
            }
        }
        #expect(throws: PackError.self) { try SamplePack.quietlyDecoded(pack + [0]) }
    }

    @Test func aSenderThatGivesUpIsHeard() throws {
        let pack = try SamplePack.encode(SamplePack.objects)
        var encoder = PackEncoder()
        let first = try encoder.append(SamplePack.objects[0])
        let cut = PackFormat.headerLength + Int(first.byteCount)
        let broken = Array(pack[..<cut]) + PackEncoder.abort("object abc is corrupt")
        #expect(throws: PackError.aborted("object abc is corrupt")) {
            try SamplePack.quietlyDecoded(broken)
        }
    }

    @Test(arguments: [
        SamplePack.file(1, 5, mode: 0o040755), SamplePack.file(1, 5, mode: 0o120777),
        SamplePack.file(1, 5, mode: 0),
        PackObject(
            file: SamplePack.checksum(1),
            mode: 0o100644,
            uid: 0,
            gid: 0,
            symlinkTarget: [1],
            contentLength: 1
        ),
        PackObject(
            file: SamplePack.checksum(1),
            mode: 0o120777,
            uid: 0,
            gid: 0,
            symlinkTarget: [65, 0],
            contentLength: 0
        ),
        PackObject(
            file: SamplePack.checksum(1),
            mode: 0o100644,
            uid: 0,
            gid: 0,
            attributes: [.init(name: [], value: [])],
            contentLength: 0
        ),
        PackObject(
            metadata: .dirMeta,
            checksum: SamplePack.checksum(1),
            contentLength: UInt64.max
        ), PackObject(metadata: .dirMeta, checksum: [1, 2], contentLength: 3),
    ])
    func whatCannotBeAFileIsRefused(object: PackObject) {
        var encoder = PackEncoder()
        #expect(throws: PackError.self) { try encoder.append(object) }
    }

    @Test func theCommitIsTheLastObject() throws {
        var encoder = PackEncoder()
        #expect(throws: PackError.self) { try encoder.finish() }
        _ = try encoder.append(SamplePack.commit)
        #expect(throws: PackError.self) { try encoder.append(SamplePack.link) }
    }

    @Test func garbageNeverTraps() throws {
        let pack = try SamplePack.encode(SamplePack.objects)
        var random = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            var damaged = pack
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                // Mostly among the heads at its beginning.
                let limit = Bool.random(using: &random) ? 1200 : damaged.count
                damaged[Int.random(in: 0..<limit, using: &random)] = .random(in: 0...255)
            }
            _ = try? SamplePack.quietlyDecoded(damaged)
        }
    }
}

extension SamplePack {
    /// Without expectations of its own.
    static func quietlyDecoded(_ pack: [UInt8]) throws -> [PackObject] {
        var decoder = PackDecoder()
        var objects: [PackObject] = []
        var offset = 0
        decoding: while true {
            switch try decoder.next(pack.span.bytes, &offset) {
            case .needsMore: break decoding
            case .object(let object): objects.append(object)
            case .header, .content, .endOfObject, .end: break
            }
        }
        try decoder.finish()
        return objects
    }
}
