import Foundation
import TestSupport
import Testing

@testable import DiskImage

/// An overlay and the image below it become one: QEMU's own tools make both and judge the result.
@Suite struct Qcow2MergeTests {
    static let size: UInt64 = 64 << 20
    static let clusters = size >> 16

    private func run(_ arguments: String...) throws {
        let result = try Referee.run(arguments[0], Array(arguments.dropFirst()))
        #expect(result.status == 0, "\(arguments): \(result.output)")
    }

    private func map(_ file: Data) throws -> Qcow2Map {
        try Qcow2Map { offset, count throws(Qcow2Problem) in
            Array(file.dropFirst(Int(offset)).prefix(count))
        }
    }

    /// Writes, discards and clears some clusters of an image, in parts and whole.
    private func change(_ path: String, _ random: inout SplitMix, count: Int) throws {
        var commands: [String] = []
        for _ in 0..<count {
            let first = UInt64.random(in: 0..<Self.clusters, using: &random)
            let length = min(UInt64.random(in: 1...12, using: &random), Self.clusters - first)
            let offset = first << 16
            let pattern = UInt8.random(in: 1...255, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: commands += ["-c", "discard \(offset) \(length << 16)"]
            case 1: commands += ["-c", "write -z \(offset) \(length << 16)"]
            case 2: commands += ["-c", "write -P \(pattern) \(offset + 512) 1024"]
            default: commands += ["-c", "write -P \(pattern) \(offset) \(length << 16)"]
            }
        }
        let result = try Referee.run("qemu-io", ["-d", "unmap", "-f", "qcow2"] + commands + [path])
        #expect(result.status == 0, "\(result.output)")
    }

    private func copy(_ pieces: [Qcow2Merge.Piece], from source: Data, to target: inout Data) {
        for piece in pieces {
            let bytes = source.dropFirst(Int(piece.source)).prefix(Int(piece.count))
            let end = Int(piece.target) + bytes.count
            if target.count < end { target.append(Data(count: end - target.count)) }
            target.replaceSubrange(Int(piece.target)..<end, with: bytes)
        }
    }

    /// Few clusters below and many above, the other way round, none below, none above.
    @Test(arguments: [(1, 8, 24), (2, 40, 4), (3, 60, 60), (4, 0, 12), (5, 30, 0), (6, 0, 0)])
    func `what both hold together`(seed: UInt64, below: Int, above: Int) throws {
        let scratch = try ScratchFolder()
        var random = SplitMix(seed: seed)
        let (base, overlay) = (scratch.file("base"), scratch.file("overlay"))
        try run("qemu-img", "create", "-q", "-f", "qcow2", base, "\(Self.size)")
        try change(base, &random, count: below)
        try run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, overlay)
        try change(overlay, &random, count: above)

        let lower = try Data(contentsOf: URL(fileURLWithPath: base))
        let upper = try Data(contentsOf: URL(fileURLWithPath: overlay))
        let merge = try Qcow2Merge(base: try map(lower))
        let completion = try merge.completion(overlay: try map(upper))
        var made = Data()
        copy(merge.copies, from: lower, to: &made)
        copy(completion.moves, from: made, to: &made)
        copy(completion.overlay, from: upper, to: &made)
        let size = Int(completion.fileSize)
        made = Data(made.prefix(size)) + Data(count: max(0, size - made.count))
        for piece in completion.metadata {
            let place = Int(piece.offset)
            made.replaceSubrange(place..<(place + piece.bytes.count), with: piece.bytes)
        }
        let path = scratch.file("merged")
        try made.write(to: URL(fileURLWithPath: path))

        // Neither damage nor a cluster that nothing refers to.
        try run("qemu-img", "check", "-f", "qcow2", path)
        try run("qemu-img", "compare", "-f", "qcow2", "-F", "qcow2", path, overlay)
        // No gaps: each cluster of data in turn, and the tables.
        let data = try map(made).clusters.compactMap { cluster -> UInt64? in
            if case .data(let offset) = cluster.place { offset >> 16 } else { nil }
        }
        #expect(data.sorted() == Array(1..<(1 + UInt64(data.count))))
    }

    @Test func `what it does not know it leaves alone`() throws {
        let scratch = try ScratchFolder()
        let path = scratch.file("image")
        func image(_ arguments: String...) throws -> Data {
            try? FileManager.default.removeItem(atPath: path)
            try run("qemu-img", "create", "-q", "-f", "qcow2", path, "1M")
            try run("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 128k", path)
            for argument in arguments { try run("sh", "-c", argument) }
            return try Data(contentsOf: URL(fileURLWithPath: path))
        }
        let whole = try image()
        _ = try map(whole)
        let convert = "qemu-img convert -O qcow2"
        for commands in [
            ["qemu-img snapshot -c first \(path)"],
            ["\(convert) -c \(path) \(path).c && mv \(path).c \(path)"],
            ["\(convert) -o cluster_size=4096 \(path) \(path).c && mv \(path).c \(path)"],
            ["\(convert) -o extended_l2=on \(path) \(path).c && mv \(path).c \(path)"],
        ] {
            var error: Qcow2Problem?
            let other = try image(commands[0])
            do throws(Qcow2Problem) {
                _ = try Qcow2Map { offset, count throws(Qcow2Problem) in
                    Array(other.dropFirst(Int(offset)).prefix(count))
                }
            } catch let problem { error = problem }
            guard case .unsupported = error else {
                Issue.record("\(commands): \(String(describing: error))")
                continue
            }
        }
        // A single byte of header or tables, and every length: never a trap.
        for index in 0..<512 {
            var damaged = whole
            damaged[index] ^= 0xff
            _ = try? map(damaged)
            _ = try? map(whole.prefix(index))
        }
        for index in stride(from: 0x30000, to: min(whole.count, 0x50000), by: 7) {
            var damaged = whole
            damaged[index] ^= 0xff
            _ = try? map(damaged).clusters.count
        }
        #expect(throws: Qcow2Problem.self) { try map(Data()) }
        #expect(throws: Qcow2Problem.self) { try map(whole.prefix(0x30000)) }
    }

    @Test func `an overlay of another size is refused`() throws {
        let scratch = try ScratchFolder()
        let maps = try ["1M", "2M"].map { size in
            let path = scratch.file(size)
            try run("qemu-img", "create", "-q", "-f", "qcow2", path, size)
            return try map(try Data(contentsOf: URL(fileURLWithPath: path)))
        }
        let merge = try Qcow2Merge(base: maps[0])
        #expect(throws: Qcow2Problem.unsupported("another size")) {
            try merge.completion(overlay: maps[1])
        }
    }
}
