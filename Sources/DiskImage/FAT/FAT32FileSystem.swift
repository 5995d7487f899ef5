/// A file tree laid out as FAT32, for an EFI system partition: directories and files, without
/// owners, links or attributes. As with ext4, every cluster is decided before a byte is written.
package struct FAT32FileSystem: Sendable {
    package enum Problem: Error, Equatable {
        /// FAT32 begins at 65,525 clusters and ends below 2²⁸; both in bytes.
        case unsuitableSize(bytes: UInt64)
        case outOfSpace(needed: UInt64, available: UInt64)
        /// Neither a directory nor a regular file.
        case unsuitableKind(path: String)
        /// Not UTF-8, or with characters that FAT has no place for; or the same as another but for
        /// upper and lower case.
        case unsuitableName(path: String)
        /// A file has at most 2³² - 1 bytes, a directory 65,536 entries.
        case tooLarge(path: String)
    }

    private let tree: FileTree
    private let label: String
    /// The volume's serial number.
    private let identifier: UInt32
    private let created: Int64
    let sectors: UInt64
    private let sectorsPerCluster: UInt64
    private let fatSectors: UInt64
    let clusters: UInt64
    /// By node: first cluster and how many; (0, 0) for an empty file.
    private var chains: [(first: UInt32, count: UInt32)] = []
    private var nextCluster: UInt32 = 2

    private static let sector: UInt64 = 512
    private static let reservedSectors: UInt64 = 32

    /// - Parameters:
    ///   - label: at most 11 characters of upper-case ASCII.
    ///   - length: of the partition in bytes.
    ///   - created: seconds since 1970 for what the tree gives no time for.
    package init(
        tree: FileTree,
        label: String,
        identifier: UInt32,
        length: UInt64,
        created: Int64
    ) throws(Problem) {
        self.tree = tree
        self.label = label
        self.identifier = identifier
        self.created = created
        sectors = min(length / Self.sector, UInt64(UInt32.max))
        // The cluster sizes that mkfs.fat chooses.
        switch length {
        case ..<(260 << 20): sectorsPerCluster = 1
        case ..<(8 << 30): sectorsPerCluster = 8
        case ..<(16 << 30): sectorsPerCluster = 16
        case ..<(32 << 30): sectorsPerCluster = 32
        default: sectorsPerCluster = 64
        }
        // Each cluster takes its sectors, and four bytes in each of the two tables.
        let usable = sectors > Self.reservedSectors ? sectors - Self.reservedSectors : 0
        let perTableSector = Self.sector / 4 * sectorsPerCluster + 2
        fatSectors = (usable + 2 * sectorsPerCluster).dividedRoundingUp(by: perTableSector)
        let data = usable > 2 * fatSectors ? usable - 2 * fatSectors : 0
        clusters = data / sectorsPerCluster
        guard clusters >= 65_525, clusters < 0x0fff_fff5 else {
            throw .unsuitableSize(bytes: length)
        }
        try place()
    }

    private var clusterSize: UInt64 { sectorsPerCluster * Self.sector }
    private var dataStart: UInt64 { (Self.reservedSectors + 2 * fatSectors) * Self.sector }

    private func offset(_ cluster: UInt32) -> UInt64 {
        dataStart + UInt64(cluster - 2) * clusterSize
    }

    private mutating func place() throws(Problem) {
        for index in tree.nodes.indices {
            let node = tree.nodes[index]
            var bytes: UInt64
            switch node.kind {
            case .directory: bytes = UInt64(max(try entries(index).count, 1)) * 32
            case .file: bytes = node.size
            default: throw .unsuitableKind(path: path(index))
            }
            guard bytes <= UInt64(UInt32.max), node.kind == .file || bytes <= 65_536 * 32 else {
                throw .tooLarge(path: path(index))
            }
            bytes = bytes.roundedUp(to: clusterSize)
            let count = UInt32(bytes / clusterSize)
            let end = UInt64(nextCluster) + UInt64(count)
            guard end <= clusters + 2 else {
                throw .outOfSpace(
                    needed: (end - 2) * clusterSize,
                    available: clusters * clusterSize
                )
            }
            chains.append(count == 0 ? (0, 0) : (nextCluster, count))
            nextCluster += count
        }
    }

    private func path(_ index: Int) -> String { tree.path(of: FileTree.NodeID(index: index)) }

    // MARK: Contents

    /// Where a file's contents are to be written: in one piece.
    package func dataRuns(of node: FileTree.NodeID) -> [DataRun] {
        let size = tree.nodes[node.index].size
        guard tree.nodes[node.index].kind == .file, size > 0 else { return [] }
        return [
            DataRun(
                fileOffset: 0,
                offset: offset(chains[node.index].first),
                length: size
            )
        ]
    }

    /// What may be written, in bytes of the partition, ascending; all else stays zero.
    package var writtenRanges: [Range<UInt64>] {
        let tableBytes = (UInt64(nextCluster) * 4).roundedUp(to: Self.sector)
        let first = Self.reservedSectors * Self.sector
        let second = first + fatSectors * Self.sector
        return mergedRanges([
            0..<(8 * Self.sector), first..<(first + tableBytes), second..<(second + tableBytes),
            dataStart..<offset(nextCluster),
        ])
    }

    // MARK: Writing

    /// Writes everything but the contents of files.
    /// - Parameter base: where the partition begins on the disk, in bytes.
    package func writeMetadata<Output: DiskOutput & ~Copyable>(
        to output: inout Output,
        base: UInt64
    ) throws(Output.Failure) {
        let boot = bootSector
        let information = informationSector
        for copy: UInt64 in [0, 6] {
            try output.write(boot + information, at: base + copy * Self.sector)
        }
        let table = allocationTable
        for copy: UInt64 in [0, 1] {
            let sector = Self.reservedSectors + copy * fatSectors
            try output.write(table, at: base + sector * Self.sector)
        }
        for index in tree.nodes.indices where tree.nodes[index].kind == .directory {
            // It was laid out before, so it cannot fail now.
            guard let entries = try? entries(index) else { continue }
            let size = Int(UInt64(chains[index].count) * clusterSize)
            var bytes = entries.flatMap { $0 }
            bytes += repeatElement(0, count: size - bytes.count)
            try output.write(bytes, at: base + offset(chains[index].first))
        }
    }

    private var bootSector: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(Self.sector))
        bytes.put([0xeb, 0x58, 0x90], at: 0)
        bytes.put("MSWIN4.1".utf8, at: 3)
        bytes.putLE(UInt16(Self.sector), at: 11)
        bytes[13] = UInt8(sectorsPerCluster)
        bytes.putLE(UInt16(Self.reservedSectors), at: 14)
        bytes[16] = 2
        bytes[21] = 0xf8
        bytes.putLE(UInt16(63), at: 24)
        bytes.putLE(UInt16(255), at: 26)
        bytes.putLE(UInt32(clamping: sectors), at: 32)
        bytes.putLE(UInt32(clamping: fatSectors), at: 36)
        bytes.putLE(UInt32(2), at: 44)
        bytes.putLE(UInt16(1), at: 48)
        bytes.putLE(UInt16(6), at: 50)
        bytes[64] = 0x80
        bytes[66] = 0x29
        bytes.putLE(identifier, at: 67)
        bytes.put(paddedLabel, at: 71)
        bytes.put("FAT32   ".utf8, at: 82)
        // Not a program: stop.
        bytes.put([0xf4, 0xeb, 0xfd], at: 90)
        bytes.putLE(UInt16(0xaa55), at: 510)
        return bytes
    }

    private var paddedLabel: [UInt8] {
        let text = Array((label.isEmpty ? "NO NAME" : label).utf8.prefix(11))
        return text + [UInt8](repeating: 0x20, count: 11 - text.count)
    }

    private var informationSector: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(Self.sector))
        bytes.putLE(UInt32(0x4161_5252), at: 0)
        bytes.putLE(UInt32(0x6141_7272), at: 484)
        bytes.putLE(UInt32(clamping: clusters + 2 - UInt64(nextCluster)), at: 488)
        bytes.putLE(nextCluster, at: 492)
        bytes.putLE(UInt32(0xaa55_0000), at: 508)
        return bytes
    }

    private var allocationTable: [UInt8] {
        let end: UInt32 = 0x0fff_ffff
        var table = [UInt8](
            repeating: 0,
            count: Int((UInt64(nextCluster) * 4).roundedUp(to: Self.sector))
        )
        table.putLE(UInt32(0x0fff_fff8), at: 0)
        table.putLE(end, at: 4)
        for chain in chains where chain.count > 0 {
            for n in 0..<chain.count {
                let cluster = chain.first + n
                table.putLE(n == chain.count - 1 ? end : cluster + 1, at: Int(cluster) * 4)
            }
        }
        return table
    }

    // MARK: Directories

    private func entries(_ index: Int) throws(Problem) -> [[UInt8]] {
        var list: [[UInt8]] = []
        let node = tree.nodes[index]
        if index == 0 {
            if !label.isEmpty { list.append(entry(paddedLabel, attribute: 8, created, 0, 0)) }
        } else {
            let parent = Int(node.size)
            let dot = [UInt8(ascii: ".")]
            let spaces = [UInt8](repeating: 0x20, count: 11)
            // The root is known as cluster 0 here.
            let up = parent == 0 ? 0 : chain(parent)
            list.append(
                entry(dot + spaces.dropLast(), attribute: 16, node.modified, chain(index), 0)
            )
            list.append(entry(dot + dot + spaces.dropLast(2), attribute: 16, node.modified, up, 0))
        }
        var shortNames: Set<[UInt8]> = []
        var names: Set<String> = []
        var bad: Int?
        tree.forEachEntry(of: FileTree.NodeID(index: index)) { item in
            let child = tree.nodes[Int(item.node)]
            guard let text = String(validating: tree.name(item), as: UTF8.self),
                names.insert(text.uppercased()).inserted,
                let name = FATName(text, isTaken: { shortNames.contains($0) })
            else {
                bad = Int(item.node)
                return
            }
            shortNames.insert(name.short)
            list += name.longEntries
            let isDirectory = child.kind == .directory
            list.append(
                entry(
                    name.short,
                    attribute: isDirectory ? 16 : 32,
                    child.modified,
                    chain(Int(item.node)),
                    isDirectory ? 0 : UInt32(clamping: child.size)
                )
            )
        }
        if let bad { throw .unsuitableName(path: path(bad)) }
        return list
    }

    /// While places are being decided, 0: then only the number of entries matters.
    private func chain(_ index: Int) -> UInt32 { index < chains.count ? chains[index].first : 0 }

    private func entry(
        _ name: some Collection<UInt8>,
        attribute: UInt8,
        _ time: Int64,
        _ cluster: UInt32,
        _ size: UInt32
    ) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 32)
        bytes.put(name, at: 0)
        bytes[11] = attribute
        let (date, clock) = fatTime(time)
        bytes.putLE(clock, at: 14)
        bytes.putLE(date, at: 16)
        bytes.putLE(date, at: 18)
        bytes.putLE(UInt16(truncatingIfNeeded: cluster >> 16), at: 20)
        bytes.putLE(clock, at: 22)
        bytes.putLE(date, at: 24)
        bytes.putLE(UInt16(truncatingIfNeeded: cluster), at: 26)
        bytes.putLE(size, at: 28)
        return bytes
    }
}

/// Date and time of day as FAT has them: from 1980 to 2107, in steps of two seconds; taken as UTC.
private func fatTime(_ seconds: Int64) -> (date: UInt16, time: UInt16) {
    let first: Int64 = 315_532_800
    let last: Int64 = 4_354_819_198
    let clamped = min(max(seconds, first), last)
    let (days, second) = clamped.quotientAndRemainder(dividingBy: 86_400)
    // Days to a date of the Gregorian calendar, with years that begin in March.
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    let date = UInt16(year - 1980) << 9 | UInt16(month) << 5 | UInt16(day)
    let time = UInt16(second / 3600) << 11 | UInt16(second / 60 % 60) << 5 | UInt16(second % 60 / 2)
    return (date, time)
}
