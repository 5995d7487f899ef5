/// What a client's fid stands for. The node never changes; only Tlopen changes the state, once.
struct Fid {
    enum State {
        case walked
        /// A worker is opening it.
        case opening
        case file(any OpenFile)
        case directory(any OpenDirectory)
        case extendedAttribute([UInt8])
    }

    let node: any Node
    var state: State
    /// Index in the export table.
    let export: UInt16

    init(node: any Node, export: UInt16, state: State = .walked) {
        self.node = node
        self.export = export
        self.state = state
    }

    /// Bytes of an attribute's value that the quota counts.
    var extendedAttributeByteCount: Int {
        if case .extendedAttribute(let value) = state { value.count } else { 0 }
    }
}

/// The fids of one connection, and the nodes' count of them. Clients number them from 0 up, so most
/// lie in blocks that are made when first needed.
struct FidTable {
    private static let denseLimit: UInt32 = 1 << 18
    private static let blockSize = 256
    private var blocks: [[Fid?]] = []
    private var sparse: [UInt32: Fid] = [:]
    private(set) var count = 0

    subscript(number: UInt32) -> Fid? {
        guard number < Self.denseLimit else { return sparse[number] }
        let (block, place) = Self.position(number)
        return block < blocks.count && !blocks[block].isEmpty ? blocks[block][place] : nil
    }

    private static func position(_ number: UInt32) -> (block: Int, place: Int) {
        (Int(number) / blockSize, Int(number) % blockSize)
    }

    /// Adds or replaces a fid.
    mutating func set(_ fid: Fid, at number: UInt32) {
        fid.node.fidBegan()
        let old = exchange(fid, at: number)
        if let old { old.node.fidEnded() } else { count += 1 }
    }

    mutating func setState(_ state: Fid.State, at number: UInt32) {
        guard number < Self.denseLimit else {
            sparse[number]?.state = state
            return
        }
        let (block, place) = Self.position(number)
        guard block < blocks.count, !blocks[block].isEmpty else { return }
        blocks[block][place]?.state = state
    }

    mutating func remove(_ number: UInt32) -> Fid? {
        guard self[number] != nil, let old = exchange(nil, at: number) else { return nil }
        count -= 1
        old.node.fidEnded()
        return old
    }

    private mutating func exchange(_ new: Fid?, at number: UInt32) -> Fid? {
        guard number < Self.denseLimit else {
            defer { sparse[number] = new }
            return sparse[number]
        }
        let (block, place) = Self.position(number)
        while block >= blocks.count { blocks.append([]) }
        if blocks[block].isEmpty { blocks[block] = Array(repeating: nil, count: Self.blockSize) }
        let old = blocks[block][place]
        blocks[block][place] = new
        return old
    }

    mutating func removeAll() {
        for block in blocks { for fid in block { fid?.node.fidEnded() } }
        for fid in sparse.values { fid.node.fidEnded() }
        blocks = []
        sparse = [:]
        count = 0
    }
}
