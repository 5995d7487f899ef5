import DiskImage

/// Where on the disk each object's contents belong.
struct ContentPlaces: Sendable {
    /// A file system, and where it begins on the disk.
    typealias Base = (system: Ext4FileSystem, base: UInt64)

    private struct Target: Sendable {
        var fileSystem: UInt32
        var node: UInt32
    }

    private let fileSystems: [Base]
    /// By object, and one more: where its targets begin in `targets`.
    private let firstTarget: [UInt32]
    private let targets: [Target]
    /// By place in the order of writing: the first cluster of the file that this object or a later one
    /// has a part in.
    private let lowest: [UInt32]

    private static let unit = Qcow2Layout.clusterSize

    /// - Parameters:
    ///   - order: of writing; every object once.
    ///   - fileOffset: where a byte of the disk lies in the image's file.
    init(
        _ fileSystems: [(system: Ext4FileSystem, base: UInt64, copies: [PartitionTree.Copy])],
        order: [UInt32],
        fileOffset: (UInt64) -> UInt64
    ) {
        self.fileSystems = fileSystems.map { ($0.system, $0.base) }
        var first = [UInt32](repeating: 0, count: order.count + 1)
        for partition in fileSystems {
            for copy in partition.copies { first[Int(copy.object) + 1] += 1 }
        }
        for object in order.indices { first[object + 1] += first[object] }
        let free = Target(fileSystem: 0, node: 0)
        var targets = [Target](repeating: free, count: Int(first[order.count]))
        // Each object's next free place, which ends as the first one of the object after it.
        var next = first
        for (number, partition) in fileSystems.enumerated() {
            for copy in partition.copies {
                let object = Int(copy.object)
                targets[Int(next[object])] = Target(
                    fileSystem: UInt32(number),
                    node: UInt32(copy.node.index)
                )
                next[object] += 1
            }
        }
        var lowest = [UInt32](repeating: .max, count: order.count)
        var least = UInt32.max
        for place in order.indices.reversed() {
            let object = Int(order[place])
            for target in targets[Int(first[object])..<Int(first[object + 1])] {
                let (system, base, _) = fileSystems[Int(target.fileSystem)]
                let node = FileTree.NodeID(index: Int(target.node))
                guard let offset = system.contentOffset(of: node) else { continue }
                least = min(least, UInt32(clamping: fileOffset(base + offset) / Self.unit))
            }
            lowest[place] = least
        }
        firstTarget = first
        self.targets = targets
        self.lowest = lowest
    }

    /// The pieces of an object's contents, each with where its file system begins on the disk.
    func runs(of object: Int) -> [(run: DataRun, base: UInt64)] {
        var runs: [(DataRun, UInt64)] = []
        for target in targets[Int(firstTarget[object])..<Int(firstTarget[object + 1])] {
            let (system, base) = fileSystems[Int(target.fileSystem)]
            for run in system.dataRuns(of: FileTree.NodeID(index: Int(target.node))) {
                runs.append((run, base))
            }
        }
        return runs
    }

    /// No object from that place in the order on has a part in the file below this offset.
    func lowestOffset(from place: Int) -> UInt64 {
        guard place < lowest.count, lowest[place] != .max else { return .max }
        return UInt64(lowest[place]) * Self.unit
    }
}
