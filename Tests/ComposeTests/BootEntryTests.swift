import Testing

@testable import Compose

@Suite struct LibostreeVersionTests {
    @Test(arguments: [("2022.7", 2022, 7), ("2025.2", 2025, 2), ("2026.10", 2026, 10)])
    func `versions are read`(text: String, year: Int, release: Int) throws {
        let version = try #require(LibostreeVersion.parse(Array(text.utf8)[...]))
        #expect(version == LibostreeVersion(year: year, release: release))
        #expect(version.description == text)
    }

    @Test(arguments: ["", "2022", "2022.", "2022.x", "1999.1", "2022.7.1", "LIBOSTREE_2022.7"])
    func `other strings are none`(text: String) {
        #expect(LibostreeVersion.parse(Array(text.utf8)[...]) == nil)
    }

    @Test func `each difference begins where it began`() {
        let bookworm = LibostreeVersion(year: 2022, release: 7)
        let trixie = LibostreeVersion(year: 2025, release: 2)
        let fixed = LibostreeVersion(year: 2025, release: 3)
        #expect(!bookworm.makesBackingFolder && !bookworm.copiesVar)
        #expect(!bookworm.namesEntriesByIndexOnly && !bookworm.writesAbootKeys)
        #expect(trixie.makesBackingFolder && trixie.copiesVar)
        #expect(trixie.namesEntriesByIndexOnly && trixie.writesAbootKeys)
        #expect(!fixed.writesAbootKeys && bookworm < trixie)
        #expect(!trixie.writesComposefs)
        #expect(LibostreeVersion(year: 2025, release: 2, hasComposefs: true).writesComposefs)
    }
}
