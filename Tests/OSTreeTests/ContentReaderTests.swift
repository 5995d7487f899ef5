import Foundation
import OSTree
import SystemPackage
import TestSupport
import Testing

@Suite struct ContentReaderTests {
    private func object(_ sample: SampleRepository, mode: String) throws -> FileObject {
        let repository = try Repository(path: FilePath(sample.pull(mode)))
        let commit = try repository.commit(repository.resolve("os/sample"))
        let entry = try repository.entry(at: "usr/share/big", in: commit)
        var found: Checksum?
        if case .file(let checksum) = entry { found = checksum }
        let checksum = try #require(found)
        return try repository.openFile(checksum)
    }

    private func read(_ object: FileObject, piece: Int) throws -> [UInt8] {
        var reader = try ContentReader(object, verify: true)
        var all: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: piece, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try reader.read(into: buffer)
            if count == 0 { return all }
            all += buffer[..<count]
        }
    }

    @Test(arguments: ["archive", "bare-user"], [1000, 65_536, 1 << 20])
    func `pieces make the whole`(mode: String, piece: Int) throws {
        let sample = try SampleRepository(SampleTree.canonical)
        #expect(try read(object(sample, mode: mode), piece: piece) == SampleTree.big)
    }

    @Test func `damage is found at the end at the latest`() throws {
        let sample = try SampleRepository(SampleTree.canonical)
        let whole = try object(sample, mode: "archive")
        let hex = whole.checksum.hex
        let file = sample.path + "/objects/\(hex.prefix(2))/\(hex.dropFirst(2)).filez"
        var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        bytes[bytes.count / 2] ^= 0x10
        try bytes.write(to: URL(fileURLWithPath: file))
        #expect(throws: OSTreeError.self) {
            try read(object(sample, mode: "archive"), piece: 4096)
        }
        try bytes.prefix(bytes.count / 2).write(to: URL(fileURLWithPath: file))
        #expect(throws: OSTreeError.self) {
            try read(object(sample, mode: "archive"), piece: 4096)
        }
    }
}
