import PackFormat
import Testing

@Suite struct InventoryTests {
    static let inventory = PackInventory(
        PackObject.Kind.allCases.enumerated().map { index, kind in
            PackInventory.Entry(kind: kind, checksum: SamplePack.checksum(UInt8(index)))
        }
    )

    @Test(arguments: [PackInventory(), inventory])
    func roundTrip(inventory: PackInventory) throws {
        let bytes = inventory.encoded()
        #expect(bytes.count == 16 + 33 * inventory.entries.count)
        #expect(try PackInventory.length(bytes) == bytes.count)
        #expect(try PackInventory.length(Array(bytes[..<11])) == nil)
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
        let start = Array("BLDHAVE\n".utf8) + [255, 255, 255, 255]
        #expect(throws: PackError.self) { try PackInventory.length(start) }
    }
}
