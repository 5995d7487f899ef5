import Testing

@testable import NinePServer

@Suite struct PathFolderTests {
    @Test func numbersOfTheFirstSpaceStayAsTheyAre() {
        let folder = PathFolder(bits: 48)
        for number: UInt64 in [0, 1, 4711, (1 << 48) - 1] {
            #expect(folder.fold(space: 0, number: number) == number)
        }
    }

    /// Spaces and numbers that fit, that just do not, and that never do.
    @Test func noTwoObjectsShareAPathAndNoneChangesIt() {
        let folder = PathFolder(bits: 48)
        let spaces = [0, 1, 2, 0xfffe, 0xffff, 0x10000, 1 << 20]
        let numbers: [UInt64] = [0, 1, (1 << 48) - 1, 1 << 48, 1 << 63, .max]
        func all() -> [UInt64] {
            spaces.flatMap { space in numbers.map { folder.fold(space: space, number: $0) } }
        }
        let first = all()
        #expect(Set(first).count == first.count)
        #expect(all() == first)
    }

    @Test func devicesKeepTheirNumbers() throws {
        let table = DeviceTable()
        #expect(try table.index(of: 77) == 0)
        #expect(try table.index(of: 5) == 1)
        #expect(try table.index(of: 77) == 0)
    }
}
