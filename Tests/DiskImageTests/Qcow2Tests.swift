import Foundation
import TestSupport
import Testing

@testable import DiskImage

@Suite struct Qcow2Tests {
    private func image(
        _ path: String,
        size: UInt64,
        ranges: [Range<UInt64>],
        zero: Set<UInt64> = []
    ) throws -> [(UInt64, [UInt8])] {
        let layout = Qcow2Layout(virtualSize: size, ranges: ranges)
        var writes: [DiskWrite] = []
        var data: [(UInt64, [UInt8])] = []
        for range in ranges {
            var at = range.lowerBound
            while at < range.upperBound {
                let place = try #require(layout.place(of: at))
                let length = min(range.upperBound - at, place.contiguous, 1 << 16)
                let bytes = [UInt8](
                    repeating: UInt8(truncatingIfNeeded: at >> 12 | 1),
                    count: Int(length)
                )
                if !zero.contains(place.cluster) {
                    writes.append(DiskWrite(offset: place.offset, bytes: bytes))
                    data.append((at, bytes))
                }
                at += length
            }
        }
        writes += [layout.head] + layout.metadata { !zero.contains($0) }
        try makeImage(writes, to: path, size: layout.fileSize)
        return data
    }

    @Test(
        arguments: [
            [0..<512],
            [0..<70_000, 5_368_709_120..<5_368_709_123, 17_179_865_088..<17_179_869_184],
            [(1 << 20)..<(40 << 20)],
            [],
        ] as [[Range<UInt64>]]
    )
    func `qemu-img finds it whole and reads what was written`(ranges: [Range<UInt64>]) throws {
        let scratch = try ScratchFolder()
        let path = scratch.file("disk.qcow2")
        let data = try image(path, size: 16 << 30, ranges: ranges)
        let check = try Referee.run("qemu-img", ["check", path])
        #expect(
            check.status == 0 && check.output.contains("No errors were found"),
            "\(check.output)"
        )
        try makeImage(
            data.map { DiskWrite(offset: $0.0, bytes: $0.1) },
            to: scratch.file("raw"),
            size: 16 << 30
        )
        let same = try Referee.run(
            "qemu-img",
            ["compare", "-f", "qcow2", "-F", "raw", path, scratch.file("raw")]
        )
        #expect(same.output.contains("Images are identical"), "\(same.output)")
    }

    @Test func `clusters of zeros are left out`() throws {
        let scratch = try ScratchFolder()
        let path = scratch.file("disk.qcow2")
        _ = try image(path, size: 1 << 30, ranges: [0..<(10 << 16)], zero: [2, 3, 9])
        let check = try Referee.run("qemu-img", ["check", path])
        #expect(check.status == 0 && check.output.contains("7/16384"), "\(check.output)")
    }

    @Test func `the check fails on a damaged copy`() throws {
        let scratch = try ScratchFolder()
        let path = scratch.file("disk.qcow2")
        _ = try image(path, size: 1 << 30, ranges: [0..<(10 << 16)])
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        let layout = Qcow2Layout(virtualSize: 1 << 30, ranges: [0..<(10 << 16)])
        // The first block of reference counts, behind their table.
        try handle.seek(toOffset: layout.dataEnd + Qcow2Layout.clusterSize)
        try handle.write(contentsOf: [0, 9, 0, 9])
        try handle.close()
        #expect(try Referee.run("qemu-img", ["check", path]).status != 0)
    }
}
