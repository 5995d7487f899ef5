import Testing

@testable import OSTree

@Suite struct GVariantTests {
    /// Bytes written by hand from the specification, "Serialisation Format", section 2.5.
    @Test func containersAreTakenApart() throws {
        // ("ab", "c") as (say): an offset for the first member only.
        let pair: [UInt8] = [0x61, 0x62, 0, 0x63, 3]
        let parts = try GVariantReader.tuple(pair[...], [.bytes, .bytes])
        #expect(parts.map(Array.init) == [[0x61, 0x62, 0], [0x63]])
        // ["i", "can"] as as.
        let array: [UInt8] = [0x69, 0, 0x63, 0x61, 0x6e, 0, 2, 6]
        #expect(
            try GVariantReader.array(array[...]).map(Array.init) == [
                [0x69, 0], [0x63, 0x61, 0x6e, 0],
            ]
        )
        #expect(try GVariantReader.array([][...]).isEmpty)
    }

    @Test(
        arguments: [
            [0xff], [1, 2, 3, 0xff], [5, 4, 3, 2, 1], [0, 0, 0, 0, 9], [0x61, 0, 0, 3, 2, 1],
        ] as [[UInt8]]
    )
    func malformedBytesThrow(bytes: [UInt8]) {
        #expect(throws: GVariantReader.Malformed.self) { try DirTree(parsing: bytes) }
        #expect(throws: GVariantReader.Malformed.self) { try DirMeta(parsing: bytes) }
        #expect(throws: GVariantReader.Malformed.self) {
            try Commit(checksum: SHA256.checksum(of: bytes), parsing: bytes)
        }
    }

    /// Whatever the input is, it is parsed or refused: no trap.
    @Test func randomBytesNeverTrap() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<3_000 {
            let count = Int.random(in: 0...300, using: &generator)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            _ = try? DirTree(parsing: bytes)
            _ = try? DirMeta(parsing: bytes)
            _ = try? Commit(checksum: SHA256.checksum(of: bytes), parsing: bytes)
        }
    }

    @Test(arguments: [".", "..", "", "a/b"]) func namesThatClimbAreRefused(name: String) {
        let file =
            Array(name.utf8) + [0] + [UInt8](repeating: 1, count: 32)
            + [UInt8(name.utf8.count + 1)]
        let files = file + [UInt8(file.count)]
        #expect(throws: GVariantReader.Malformed.self) {
            try DirTree(parsing: files + [UInt8(files.count)])
        }
    }

    @Test func checksumsSurviveTheirTextForm() throws {
        // FIPS 180-4: SHA-256 of "abc".
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(SHA256.checksum(of: Array("abc".utf8)).hex == hex)
        let checksum = try #require(Checksum(hex: hex.uppercased()))
        #expect(checksum.hex == hex)
        #expect(Checksum(bytes: checksum.bytes) == checksum)
        #expect(Checksum(hex: hex.dropLast()) == nil)
        #expect(Checksum(hex: hex.dropLast() + "g") == nil)
    }

    /// Offsets change width with the container's length.
    @Test(arguments: [0, 1, 200, 250, 251, 252, 253, 254, 255, 300, 65_520, 65_535, 70_000])
    func attributesOfEveryLengthAreReadAsWritten(length: Int) throws {
        let attributes = [
            ExtendedAttribute(name: Array("user.a".utf8), value: []),
            ExtendedAttribute(
                name: Array("user.b".utf8),
                value: [UInt8](repeating: 1, count: length)
            ),
        ]
        let bytes = GVariantWriter.extendedAttributes(attributes)
        #expect(try ExtendedAttribute.parse(bytes[...]) == attributes)
    }
}
