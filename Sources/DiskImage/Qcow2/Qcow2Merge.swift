/// A qcow2 file that stands alone, made of an overlay and the image below it in two steps: the image below
/// is copied while the overlay is still written to, then the overlay's clusters take their places in the
/// copy. There is no gap between the data clusters, and none that is not in use.
package struct Qcow2Merge: Sendable {
    /// Bytes to be copied.
    package struct Piece: Equatable, Sendable {
        /// In bytes, of the file that they come from and of the one that is made.
        package var source: UInt64
        package var target: UInt64
        package var count: UInt64
    }

    /// What is to be done when both are complete.
    package struct Completion: Sendable {
        /// Within the file that is made. To be done first, in order.
        package var moves: [Piece]
        /// From the overlay's file.
        package var overlay: [Piece]
        /// Header, tables and reference counts.
        package var metadata: [DiskWrite]
        /// To which the file is cut or extended.
        package var fileSize: UInt64
    }

    private let virtualSize: UInt64
    /// The disk's clusters that the image below has, in the order of their places in the new file.
    private let guests: [UInt64]
    /// From the file of the image below.
    package let copies: [Piece]

    /// - Parameter base: the image below; it stands alone itself.
    package init(base: Qcow2Map) throws(Qcow2Problem) {
        guard !base.hasBackingFile else { throw .unsupported("a backing file") }
        virtualSize = base.virtualSize
        var guests: [UInt64] = []
        var copies: [Piece] = []
        for (guest, place) in base.clusters {
            guard case .data(let offset) = place else { continue }
            copies.append(cluster: offset, to: UInt64(guests.count))
            guests.append(guest)
        }
        self.guests = guests
        self.copies = copies
    }

    /// - Parameter overlay: on the image below, of the same size.
    package func completion(overlay: Qcow2Map) throws(Qcow2Problem) -> Completion {
        guard overlay.virtualSize == virtualSize else { throw .unsupported("another size") }
        // Number of the data cluster for each of the disk's clusters.
        var places: [UInt64: UInt64] = [:]
        places.reserveCapacity(guests.count + overlay.clusters.count)
        for (number, guest) in guests.enumerated() { places[guest] = UInt64(number) }
        var free: [UInt64] = []
        var new: [UInt64] = []
        for (guest, place) in overlay.clusters {
            switch place {
            case .zeros: if let number = places.removeValue(forKey: guest) { free.append(number) }
            case .data: if places[guest] == nil { new.append(guest) }
            }
        }
        free.sort()
        let numbers = free + (0..<UInt64(new.count)).map { UInt64(guests.count) + $0 }
        for (guest, number) in zip(new, numbers) { places[guest] = number }
        let moves = fill(free.dropFirst(new.count), in: &places)
        return Completion(moves: moves, places, overlay, virtualSize)
    }

    /// Moves the last data clusters to places that are free, until none is before the end.
    private func fill(
        _ gaps: ArraySlice<UInt64>,
        in places: inout [UInt64: UInt64]
    ) -> [Piece] {
        var moves: [Piece] = []
        let count = UInt64(places.count)
        let late = places.filter { $0.value >= count }.sorted { $0.value < $1.value }
        for ((guest, number), gap) in zip(late, gaps) {
            moves.append(cluster: Piece.offset(ofData: number), to: gap)
            places[guest] = gap
        }
        return moves
    }
}

extension Qcow2Merge.Completion {
    fileprivate init(
        moves: [Qcow2Merge.Piece],
        _ places: [UInt64: UInt64],
        _ overlay: Qcow2Map,
        _ virtualSize: UInt64
    ) {
        let sorted = places.sorted { $0.key < $1.key }
        let tables = Qcow2Tables(
            virtualSize: virtualSize,
            dataClusters: UInt64(sorted.count),
            guestClusters: sorted.map { $0.key..<($0.key + 1) }
        )
        self.moves = moves
        self.overlay = []
        for (guest, place) in overlay.clusters {
            guard case .data(let offset) = place, let number = places[guest] else { continue }
            self.overlay.append(cluster: offset, to: number)
        }
        metadata =
            [tables.head]
            + tables.metadata { put in for (guest, number) in sorted { put(guest, number) } }
        fileSize = tables.fileSize
    }
}

extension Qcow2Merge.Piece {
    fileprivate static func offset(ofData number: UInt64) -> UInt64 {
        (1 + number) * Qcow2Tables.clusterSize
    }
}

extension [Qcow2Merge.Piece] {
    /// One cluster more, as part of the last piece where it follows that in both files.
    fileprivate mutating func append(cluster source: UInt64, to number: UInt64) {
        let target = Qcow2Merge.Piece.offset(ofData: number)
        if let last, last.source &+ last.count == source, last.target + last.count == target {
            self[count - 1].count += Qcow2Tables.clusterSize
        } else {
            append(.init(source: source, target: target, count: Qcow2Tables.clusterSize))
        }
    }
}
