import Foundation
import TestSupport
import Testing

@testable import DiskImage

@Suite struct BootTests {
    static let path = "/usr/bin/extlinux"

    @Test func `the parts are found in extlinux`() throws {
        let file = [UInt8](try Data(contentsOf: URL(fileURLWithPath: Self.path)))
        let program = try ExtlinuxProgram(executable: file)
        #expect(program.bootSector.count == 512)
        #expect(program.loader.count % 512 == 0 && program.loader.count > 32_768)
        #expect(program.loader.starts(with: "\r\nSYSLINUX 6.".utf8))
        #expect(program.module.starts(with: [0x7f, 0x45, 0x4c, 0x46]))
    }

    @Test func `a file without them is refused`() {
        #expect(throws: ExtlinuxProgram.Problem.self) {
            try ExtlinuxProgram(executable: [UInt8](repeating: 0x7f, count: 5000))
        }
        #expect(throws: ExtlinuxProgram.Problem.self) { try ExtlinuxProgram(executable: []) }
    }

    @Test func `what is installed sums to nothing and maps every sector`() throws {
        let file = [UInt8](try Data(contentsOf: URL(fileURLWithPath: Self.path)))
        let program = try ExtlinuxProgram(executable: file)
        let count = Int(ExtlinuxInstallation.loaderSize(program)) / 512
        let sectors: [UInt64] = Array(1000..<1050) + Array(5050..<UInt64(5000 + count))
        let installed = try ExtlinuxInstallation(
            program: program,
            sectors: sectors,
            folder: "/syslinux",
            partition: (1 << 20)..<(201 << 20)
        )
        #expect(installed.loader.count == count * 512)
        let words = stride(from: 0, to: program.loader.count, by: 4)
        #expect(
            words.reduce(UInt32(0)) { $0 &+ installed.loader.getLE(UInt32.self, at: $1) }
                == 0x3eb2_02fe
        )
    }
}
