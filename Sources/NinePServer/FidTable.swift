/// What a client's fid stands for. The node never changes; only Tlopen changes the state, once.
final class Fid {
    enum State {
        case walked
        /// A worker is opening it.
        case opening
        case file(any OpenFile)
        case directory(any OpenDirectory)
        case extendedAttribute([UInt8])
    }

    let node: any Node
    /// Index in the export table.
    let export: Int
    var state: State

    init(node: any Node, export: Int, state: State = .walked) {
        self.node = node
        self.export = export
        self.state = state
    }

    /// Bytes of an attribute's value that the quota counts.
    var extendedAttributeByteCount: Int {
        if case .extendedAttribute(let value) = state { value.count } else { 0 }
    }
}

/// The fids of one connection. Clients number them from 0 up, so most lie in an array.
struct FidTable {
    private static let denseLimit: UInt32 = 1 << 18
    private var dense: [Fid?] = []
    private var sparse: [UInt32: Fid] = [:]
    private(set) var count = 0

    subscript(number: UInt32) -> Fid? {
        if number < Self.denseLimit {
            let index = Int(number)
            return index < dense.count ? dense[index] : nil
        }
        return sparse[number]
    }

    /// Adds or replaces a fid.
    mutating func set(_ fid: Fid, at number: UInt32) {
        if number < Self.denseLimit {
            let index = Int(number)
            if index >= dense.count {
                let size = max(index + 1, min(dense.count * 2, Int(Self.denseLimit)))
                dense.append(contentsOf: repeatElement(nil, count: size - dense.count))
            }
            if dense[index] == nil { count += 1 }
            dense[index] = fid
        } else if sparse.updateValue(fid, forKey: number) == nil {
            count += 1
        }
    }

    mutating func remove(_ number: UInt32) -> Fid? {
        if number < Self.denseLimit {
            let index = Int(number)
            guard index < dense.count, let fid = dense[index] else { return nil }
            dense[index] = nil
            count -= 1
            return fid
        }
        guard let fid = sparse.removeValue(forKey: number) else { return nil }
        count -= 1
        return fid
    }

    mutating func removeAll() {
        dense = []
        sparse = [:]
        count = 0
    }
}
