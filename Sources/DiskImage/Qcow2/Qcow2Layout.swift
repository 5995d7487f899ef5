/// A qcow2 image whose every cluster has its place before a byte is written: only what the disk's layout
/// may use is there, in the disk's order, so that contents can be written in any order and long runs stay
/// long.
package struct Qcow2Layout: Sendable {
    package static let clusterSize = Qcow2Tables.clusterSize

    /// Guest clusters that follow one another, in the disk and in the file. In clusters; `index`
    /// counts the data clusters of all runs before.
    private struct Run: Sendable {
        var guest: UInt64
        var count: UInt64
        var index: UInt64
    }

    private let runs: [Run]
    private let tables: Qcow2Tables
    package let dataClusters: UInt64

    /// - Parameters:
    ///   - virtualSize: bytes, a multiple of 512.
    ///   - ranges: what may be written, in bytes of the disk.
    package init(virtualSize: UInt64, ranges: [Range<UInt64>]) {
        let clusters = mergedRanges(
            ranges.filter { !$0.isEmpty }.map {
                $0.lowerBound
                    / Self.clusterSize..<$0.upperBound.dividedRoundingUp(by: Self.clusterSize)
            }
        )
        var runs: [Run] = []
        var index: UInt64 = 0
        for range in clusters {
            runs.append(Run(guest: range.lowerBound, count: UInt64(range.count), index: index))
            index += UInt64(range.count)
        }
        self.runs = runs
        dataClusters = index
        tables = Qcow2Tables(virtualSize: virtualSize, dataClusters: index, guestClusters: clusters)
    }

    /// Bytes of the file.
    package var fileSize: UInt64 { tables.fileSize }

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
            offset: tables.offset(ofData: cluster) + inside,
            contiguous: (run.guest + run.count - guest) * Self.clusterSize - inside,
            cluster: cluster
        )
    }

    /// Where in the file the data ends and the tables begin, in bytes.
    package var dataEnd: UInt64 { tables.dataEnd }

    /// The first piece of the file.
    package var head: DiskWrite { tables.head }

    /// Tables and reference counts, as pieces of the file.
    /// - Parameter written: whether a data cluster holds anything but zeros; those that do not are
    ///   left out, and their place in the file stays a hole.
    package func metadata(written: (UInt64) -> Bool) -> [DiskWrite] {
        tables.metadata { put in
            for run in runs {
                for i in 0..<run.count where written(run.index + i) {
                    put(run.guest + i, run.index + i)
                }
            }
        }
    }
}
