import Checksums
import TestSupport
import Testing

/// The referee is sha256sum(1).
@Suite struct SHA256DigestTests {
    /// Lengths around the ends of blocks, in pieces that do not fit them.
    @Test(arguments: [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 100_000])
    func sameAsTheCommand(length: Int) throws {
        let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let folder = try ScratchFolder()
        try folder.write("data", bytes)
        let expected = try runCommand(["sha256sum", folder.path + "/data"]).output.prefix(64)
        for piece in [1 << 20, 64, 37] {
            var digest = SHA256Digest()
            for start in stride(from: 0, to: length, by: piece) {
                digest.update(bytes[start..<min(length, start + piece)])
            }
            let hexadecimal = digest.finish().map { byte in
                (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
            #expect(hexadecimal.joined() == expected)
        }
    }
}
