import PackFormat
import Testing

@Suite struct InventoryTests {
    static let inventory = PackInventory(
        .objects,
        PackObject.Kind.allCases.enumerated().map { index, kind in
            PackInventory.Entry(kind: kind, checksum: SamplePack.checksum(UInt8(index)))
        }
    )

    @Test(arguments: [PackInventory(.commits), PackInventory(.objects), inventory])
    func roundTrip(inventory: PackInventory) throws {
        let bytes = inventory.encoded()
        #expect(bytes.count == 20 + 33 * inventory.entries.count)
        #expect(try PackInventory.length(bytes) == bytes.count)
        #expect(try PackInventory.length(Array(bytes[..<15])) == nil)
        #expect(try PackInventory(decoding: bytes) == inventory)
    }

    @Test func everyDamagedByteIsSeen() {
        let bytes = Self.inventory.encoded()
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x40
            #expect(throws: PackError.self) { try PackInventory(decoding: damaged) }
            #expect(throws: PackError.self) {
                try PackInventory(decoding: Array(bytes[..<index]))
            }
        }
        #expect(throws: PackError.self) { try PackInventory(decoding: bytes + [0]) }
    }

    @Test func absurdCountsAreRefused() {
        let start = Array("BLDHAVE\n".utf8) + [0, 0, 0, 0, 255, 255, 255, 255]
        #expect(throws: PackError.self) { try PackInventory.length(start) }
    }
}
