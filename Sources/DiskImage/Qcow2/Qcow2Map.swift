/// Why a qcow2 file cannot be read here. QEMU may well read it.
package enum Qcow2Problem: Error, Equatable, Sendable {
    /// Something that images may have and this reader does not know.
    case unsupported(String)
    case damaged(String)
    case unreadable(errno: Int32)
}

/// The fields of a qcow2 file's header (docs/interop/qcow2.txt) that say where its disk is.
struct Qcow2Header {
    static let magic: UInt32 = 0x5146_49fb
    /// An entry's top bit says that exactly one reference leads to the cluster.
    static let single: UInt64 = 1 << 63
    static let length = 104

    let virtualSize: UInt64
    let hasBackingFile: Bool
    let level1Entries: Int
    let level1Offset: UInt64

    /// - Parameter bytes: the file's first `length` bytes.
    init(_ bytes: [UInt8]) throws(Qcow2Problem) {
        guard bytes.count >= Self.length, bytes.getBE(UInt32.self, at: 0) == Self.magic else {
            throw .damaged("no qcow2 header")
        }
        let version = bytes.getBE(UInt32.self, at: 4)
        guard version == 2 || version == 3 else { throw .unsupported("version \(version)") }
        guard version == 2 || bytes.getBE(UInt64.self, at: 72) == 0 else {
            throw .unsupported("incompatible features")
        }
        guard bytes.getBE(UInt32.self, at: 20) == 16 else { throw .unsupported("size of clusters") }
        guard bytes.getBE(UInt32.self, at: 32) == 0 else { throw .unsupported("encryption") }
        guard bytes.getBE(UInt32.self, at: 60) == 0 else { throw .unsupported("snapshots") }
        virtualSize = bytes.getBE(UInt64.self, at: 24)
        hasBackingFile = bytes.getBE(UInt64.self, at: 8) != 0
        level1Entries = Int(bytes.getBE(UInt32.self, at: 36))
        level1Offset = bytes.getBE(UInt64.self, at: 40)
        // QEMU's own limit is 32 MiB (QCOW_MAX_L1_SIZE).
        let perEntry = Qcow2Tables.clusterSize * Qcow2Tables.entriesPerTable
        guard level1Entries <= 4 << 20, level1Offset % Qcow2Tables.clusterSize == 0,
            level1Offset < 1 << 56,
            virtualSize <= UInt64(level1Entries) * perEntry
        else { throw .damaged("level 1 table") }
    }
}

/// Where in its file a qcow2 image has the clusters of the disk that it holds itself, in the disk's order.
package struct Qcow2Map: Sendable {
    enum Place: Equatable, Sendable {
        /// In bytes of the file.
        case data(offset: UInt64)
        case zeros
    }

    let virtualSize: UInt64
    /// What is not in `clusters` is on another disk.
    let hasBackingFile: Bool
    let clusters: [(guest: UInt64, place: Place)]

    /// - Parameter read: bytes of the file, all that are asked for (offset, count).
    package init(
        read: (UInt64, Int) throws(Qcow2Problem) -> [UInt8]
    ) throws(Qcow2Problem) {
        let header = try Qcow2Header(try read(0, Qcow2Header.length))
        let level1 = try read(header.level1Offset, header.level1Entries * 8)
        guard level1.count == header.level1Entries * 8 else { throw .damaged("level 1 table") }
        var clusters: [(guest: UInt64, place: Place)] = []
        for index in 0..<header.level1Entries {
            let table = level1.getBE(UInt64.self, at: index * 8) & Self.offsetMask
            if table == 0 { continue }
            let bytes = try read(try Self.checked(table), Int(Qcow2Tables.clusterSize))
            guard bytes.count == Int(Qcow2Tables.clusterSize) else {
                throw .damaged("level 2 table \(index)")
            }
            for slot in 0..<Int(Qcow2Tables.entriesPerTable) {
                let entry = bytes.getBE(UInt64.self, at: slot * 8)
                guard let place = try Self.place(entry) else { continue }
                let guest = UInt64(index) * Qcow2Tables.entriesPerTable + UInt64(slot)
                clusters.append((guest, place))
            }
        }
        let end = header.virtualSize.dividedRoundingUp(by: Qcow2Tables.clusterSize)
        guard clusters.last.map({ $0.guest < end }) ?? true else {
            throw .damaged("data behind the disk's end")
        }
        virtualSize = header.virtualSize
        hasBackingFile = header.hasBackingFile
        self.clusters = clusters
    }

    /// Where in the file the last of the disk begins: a file that ends there or earlier has been cut off.
    package var lastDataOffset: UInt64? {
        clusters.lazy.compactMap { cluster in
            if case .data(let offset) = cluster.place { offset } else { nil }
        }.max()
    }

    private static let offsetMask: UInt64 = 0x00ff_ffff_ffff_fe00
    private static let compressed: UInt64 = 1 << 62

    /// Of a level 2 entry; nil where the image has nothing.
    private static func place(_ entry: UInt64) throws(Qcow2Problem) -> Place? {
        guard entry & compressed == 0 else { throw .unsupported("compressed clusters") }
        if entry & 1 != 0 { return .zeros }
        let offset = entry & offsetMask
        return offset == 0 ? nil : .data(offset: try checked(offset))
    }

    private static func checked(_ offset: UInt64) throws(Qcow2Problem) -> UInt64 {
        guard offset % Qcow2Tables.clusterSize == 0 else { throw .damaged("offset \(offset)") }
        return offset
    }
}
