/// A qcow2 image (docs/interop/qcow2.txt in QEMU's tree, version 3) whose every cluster has its
/// place before a byte is written: only what the disk's layout may use is there, in the disk's
/// order, so that contents can be written in any order and long runs stay long.
package struct Qcow2Layout: Sendable {
    package static let clusterSize: UInt64 = 1 << 16
    private static let entriesPerTable = clusterSize / 8
    private static let countsPerBlock = clusterSize / 2

    /// Bytes of the disk.
    package let virtualSize: UInt64
    /// Bytes of the file.
    package let fileSize: UInt64

    /// Guest clusters that follow one another, in the disk and in the file. In clusters; `index`
    /// counts the data clusters of all runs before.
    private struct Run: Sendable {
        var guest: UInt64
        var count: UInt64
        var index: UInt64
    }

    private let runs: [Run]
    private let level1Entries: UInt64
    /// The level 1 entries that lead to a table.
    private let tables: [UInt64]
    private let countTableClusters: UInt64
    private let countBlocks: UInt64
    private let level1Clusters: UInt64
    package let dataClusters: UInt64

    /// - Parameters:
    ///   - virtualSize: bytes, a multiple of 512.
    ///   - ranges: what may be written, in bytes of the disk.
    package init(virtualSize: UInt64, ranges: [Range<UInt64>]) {
        self.virtualSize = virtualSize
        let clusters = mergedRanges(
            ranges.filter { !$0.isEmpty }.map {
                $0.lowerBound
                    / Self.clusterSize..<$0.upperBound.dividedRoundingUp(by: Self.clusterSize)
            }
        )
        var runs: [Run] = []
        var tables: [UInt64] = []
        var index: UInt64 = 0
        for range in clusters {
            runs.append(Run(guest: range.lowerBound, count: UInt64(range.count), index: index))
            index += UInt64(range.count)
            let last = (range.upperBound - 1) / Self.entriesPerTable
            for table in (range.lowerBound / Self.entriesPerTable)...last where tables.last != table
            {
                tables.append(table)
            }
        }
        self.runs = runs
        self.tables = tables
        dataClusters = index
        level1Entries = virtualSize.dividedRoundingUp(by: Self.clusterSize * Self.entriesPerTable)
        level1Clusters = max(1, level1Entries.dividedRoundingUp(by: Self.entriesPerTable))
        // The reference counts also count the clusters that hold them.
        let rest = 1 + level1Clusters + UInt64(tables.count) + index
        var blocks: UInt64 = 1
        var tableClusters: UInt64 = 1
        while blocks * Self.countsPerBlock < rest + blocks + tableClusters {
            blocks = (rest + blocks + tableClusters).dividedRoundingUp(by: Self.countsPerBlock)
            tableClusters = blocks.dividedRoundingUp(by: Self.entriesPerTable)
        }
        countBlocks = blocks
        countTableClusters = tableClusters
        fileSize = (rest + blocks + tableClusters) * Self.clusterSize
    }

    // In clusters of the file: the header, which is known beforehand; the data; then the tables, which
    // say what data was left out. So the file can be summed up from its start while it is written.
    private var dataAt: UInt64 { 1 }
    private var countTableAt: UInt64 { dataAt + dataClusters }
    private var countBlocksAt: UInt64 { countTableAt + countTableClusters }
    private var level1At: UInt64 { countBlocksAt + countBlocks }
    private var tablesAt: UInt64 { level1At + level1Clusters }

    /// A place in the file, and how many bytes from there on follow one another as on the disk.
    package struct Place: Equatable, Sendable {
        package var offset: UInt64
        package var contiguous: UInt64
        /// Which data cluster it is in.
        package var cluster: UInt64

        package init(offset: UInt64, contiguous: UInt64, cluster: UInt64) {
            self.offset = offset
            self.contiguous = contiguous
            self.cluster = cluster
        }
    }

    /// Where a byte of the disk lies in the file; nil if it is in none of the ranges.
    package func place(of offset: UInt64) -> Place? {
        let guest = offset / Self.clusterSize
        var low = 0
        var high = runs.count
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].guest <= guest { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return nil }
        let run = runs[low - 1]
        guard guest < run.guest + run.count else { return nil }
        let cluster = run.index + guest - run.guest
        let inside = offset % Self.clusterSize
        return Place(
            offset: (dataAt + cluster) * Self.clusterSize + inside,
            contiguous: (run.guest + run.count - guest) * Self.clusterSize - inside,
            cluster: cluster
        )
    }

    /// Where in the file the data ends and the tables begin, in bytes.
    package var dataEnd: UInt64 { countTableAt * Self.clusterSize }

    /// The first piece of the file.
    package var head: DiskWrite { DiskWrite(offset: 0, bytes: header) }

    /// Tables and reference counts, as pieces of the file.
    /// - Parameter written: whether a data cluster holds anything but zeros; those that do not are
    ///   left out, and their place in the file stays a hole.
    package func metadata(written: (UInt64) -> Bool) -> [DiskWrite] {
        [
            DiskWrite(offset: countTableAt * Self.clusterSize, bytes: countTable),
            DiskWrite(offset: countBlocksAt * Self.clusterSize, bytes: counts(written)),
            DiskWrite(offset: level1At * Self.clusterSize, bytes: level1),
            DiskWrite(offset: tablesAt * Self.clusterSize, bytes: level2(written)),
        ]
    }

    private var header: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 112)
        bytes.putBE(UInt32(0x5146_49fb), at: 0)
        bytes.putBE(UInt32(3), at: 4)
        bytes.putBE(UInt32(16), at: 20)
        bytes.putBE(virtualSize, at: 24)
        bytes.putBE(UInt32(clamping: level1Entries), at: 36)
        bytes.putBE(level1At * Self.clusterSize, at: 40)
        bytes.putBE(countTableAt * Self.clusterSize, at: 48)
        bytes.putBE(UInt32(clamping: countTableClusters), at: 56)
        bytes.putBE(UInt32(4), at: 96)  // counts of 2⁴ bits
        bytes.putBE(UInt32(104), at: 100)
        return bytes
    }

    private var countTable: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(countBlocks) * 8)
        for block in 0..<countBlocks {
            bytes.putBE((countBlocksAt + block) * Self.clusterSize, at: Int(block) * 8)
        }
        return bytes
    }

    private func counts(_ written: (UInt64) -> Bool) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(countBlocks * Self.clusterSize))
        let fileClusters = fileSize / Self.clusterSize
        for cluster in 0..<fileClusters {
            let data = cluster &- dataAt
            if data < dataClusters && !written(data) { continue }
            bytes.putBE(UInt16(1), at: Int(cluster) * 2)
        }
        return bytes
    }

    /// An entry's top bit says that exactly one reference leads to the cluster.
    private static let single: UInt64 = 1 << 63

    private var level1: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(level1Entries) * 8)
        for (i, table) in tables.enumerated() {
            let entry = (tablesAt + UInt64(i)) * Self.clusterSize | Self.single
            bytes.putBE(entry, at: Int(table) * 8)
        }
        return bytes
    }

    private func level2(_ written: (UInt64) -> Bool) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: tables.count * Int(Self.clusterSize))
        var table = 0
        for run in runs {
            for i in 0..<run.count where written(run.index + i) {
                let guest = run.guest + i
                while tables[table] < guest / Self.entriesPerTable { table += 1 }
                let slot = table * Int(Self.entriesPerTable) + Int(guest % Self.entriesPerTable)
                let entry = (dataAt + run.index + i) * Self.clusterSize | Self.single
                bytes.putBE(entry, at: slot * 8)
            }
        }
        return bytes
    }
}
