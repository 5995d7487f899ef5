/// What a qcow2 file (docs/interop/qcow2.txt in QEMU's tree, version 3) holds besides data, and where. All
/// in clusters of the file: the header, which is known beforehand; the data; then the tables, which say
/// what data was left out. So the file can be summed up from its start while it is written.
package struct Qcow2Tables: Sendable {
    package static let clusterSize: UInt64 = 1 << 16
    static let entriesPerTable = clusterSize / 8
    private static let countsPerBlock = clusterSize / 2

    /// Bytes of the disk.
    private let virtualSize: UInt64
    private let dataClusters: UInt64
    /// The level 1 entries that lead to a table, in order.
    private let tables: [UInt64]
    private let level1Entries: UInt64
    private let level1Clusters: UInt64
    private let countBlocks: UInt64
    private let countTableClusters: UInt64
    /// Bytes of the file.
    package let fileSize: UInt64

    /// - Parameters:
    ///   - virtualSize: bytes, a multiple of 512.
    ///   - dataClusters: how many have a place in the file.
    ///   - guestClusters: of the disk, those that may be in it, in order.
    init(virtualSize: UInt64, dataClusters: UInt64, guestClusters: [Range<UInt64>]) {
        var tables: [UInt64] = []
        for range in guestClusters where !range.isEmpty {
            let last = (range.upperBound - 1) / Self.entriesPerTable
            for table in (range.lowerBound / Self.entriesPerTable)...last where tables.last != table
            {
                tables.append(table)
            }
        }
        self.virtualSize = virtualSize
        self.dataClusters = dataClusters
        self.tables = tables
        level1Entries = virtualSize.dividedRoundingUp(by: Self.clusterSize * Self.entriesPerTable)
        level1Clusters = max(1, level1Entries.dividedRoundingUp(by: Self.entriesPerTable))
        // The reference counts also count the clusters that hold them.
        let rest = 1 + level1Clusters + UInt64(tables.count) + dataClusters
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

    private var dataAt: UInt64 { 1 }
    private var countTableAt: UInt64 { dataAt + dataClusters }
    private var countBlocksAt: UInt64 { countTableAt + countTableClusters }
    private var level1At: UInt64 { countBlocksAt + countBlocks }
    private var tablesAt: UInt64 { level1At + level1Clusters }

    /// Where a data cluster begins, in bytes of the file.
    func offset(ofData index: UInt64) -> UInt64 { (dataAt + index) * Self.clusterSize }

    /// Where in the file the data ends and the tables begin, in bytes.
    var dataEnd: UInt64 { countTableAt * Self.clusterSize }

    var head: DiskWrite { DiskWrite(offset: 0, bytes: header) }

    private var header: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 112)
        bytes.putBE(Qcow2Header.magic, at: 0)
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

    /// Tables and reference counts, as pieces of the file.
    /// - Parameter entries: calls its argument once for each data cluster in use, with the disk's cluster
    ///   (which lies in one of `guestClusters`) and the number of the data cluster. Called once.
    func metadata(
        _ entries: (_ put: (_ guest: UInt64, _ data: UInt64) -> Void) -> Void
    ) -> [DiskWrite] {
        var counts = [UInt8](repeating: 0, count: Int(countBlocks * Self.clusterSize))
        for cluster in 0..<(fileSize / Self.clusterSize)
        where cluster < dataAt || cluster >= countTableAt {
            counts.putBE(UInt16(1), at: Int(cluster) * 2)
        }
        var level2 = [UInt8](repeating: 0, count: tables.count * Int(Self.clusterSize))
        var numbers: [UInt64: Int] = [:]
        for (number, table) in tables.enumerated() { numbers[table] = number }
        entries { guest, data in
            counts.putBE(UInt16(1), at: Int(dataAt + data) * 2)
            let table = numbers[guest / Self.entriesPerTable] ?? 0
            let slot = table * Int(Self.entriesPerTable) + Int(guest % Self.entriesPerTable)
            level2.putBE(offset(ofData: data) | Qcow2Header.single, at: slot * 8)
        }
        return [
            DiskWrite(offset: countTableAt * Self.clusterSize, bytes: countTable),
            DiskWrite(offset: countBlocksAt * Self.clusterSize, bytes: counts),
            DiskWrite(offset: level1At * Self.clusterSize, bytes: level1),
            DiskWrite(offset: tablesAt * Self.clusterSize, bytes: level2),
        ]
    }

    private var countTable: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(countBlocks) * 8)
        for block in 0..<countBlocks {
            bytes.putBE((countBlocksAt + block) * Self.clusterSize, at: Int(block) * 8)
        }
        return bytes
    }

    private var level1: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(level1Entries) * 8)
        for (i, table) in tables.enumerated() {
            let entry = (tablesAt + UInt64(i)) * Self.clusterSize | Qcow2Header.single
            bytes.putBE(entry, at: Int(table) * 8)
        }
        return bytes
    }
}
