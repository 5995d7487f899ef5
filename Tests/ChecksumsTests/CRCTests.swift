import Checksums
import Testing

@Suite struct CRCTests {
    /// RFC 3720, appendix B.4, and the check values that catalogues of checksums give.
    @Test func `sums of CRC-32C`() {
        let cases: [(bytes: [UInt8], sum: UInt32)] = [
            ([], 0),
            (Array("123456789".utf8), 0xe306_9283),
            ([UInt8](repeating: 0, count: 32), 0x8a91_36aa),
            ([UInt8](repeating: 0xff, count: 32), 0x62a8_ab43),
            (Array(0..<32), 0x46dd_794e),
            (Array((0..<32).reversed()), 0x113f_db5c),
        ]
        for (bytes, sum) in cases {
            var whole = CRC32C()
            whole.update(bytes)
            #expect(whole.value == sum)
            // Carried on from its register, in pieces that fit no eight bytes.
            var pieces = CRC32C()
            for byte in bytes.indices where byte % 3 == 0 {
                pieces = CRC32C(pieces.register)
                pieces.update(bytes[byte..<min(byte + 3, bytes.count)])
            }
            #expect(pieces.value == sum)
        }
        var number = CRC32C()
        number.update(le: 0x0403_0201)
        var same = CRC32C()
        same.update([1, 2, 3, 4])
        #expect(number.value == same.value)
    }

    @Test func `sums of CRC-32`() {
        #expect(CRC32.checksum([]) == 0)
        #expect(CRC32.checksum(Array("123456789".utf8)) == 0xcbf4_3926)
    }
}
