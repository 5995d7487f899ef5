import NineP

/// What a client does; each item is one operation.
enum Workload {
    /// One file from start to end, by as many requests at once as are allowed; a request is an
    /// operation.
    case sequential(file: TreeFile)
    /// Walk, open, read to the end, clunk.
    case smallFiles([TreeFile])
    /// Walk, getattr, clunk.
    case walkAndStat([TreeFile])
    /// Walk, open, readdir to the end, clunk.
    case listing([[[UInt8]]])

    var name: String {
        switch self {
        case .sequential: "sequential read"
        case .smallFiles: "small files"
        case .walkAndStat: "walk and getattr"
        case .listing: "readdir"
        }
    }

    /// Paths of the items.
    var paths: [[[UInt8]]] {
        switch self {
        case .sequential: []
        case .smallFiles(let files), .walkAndStat(let files): files.map(\.path)
        case .listing(let folders): folders
        }
    }
}

/// Which replies' data a client looks at.
enum Checking {
    /// All.
    case all
    /// Those of every sixteenth read or file; the others' data is dropped in the kernel, so that a
    /// run shows the server's speed and not the client's.
    case sampled

    func isChecked(_ item: Int) -> Bool {
        switch self {
        case .all: true
        case .sampled: item % 16 == 0
        }
    }
}

/// Adds up data in words of 64 bits, wherever it is cut at multiples of 8.
struct DataSum: Equatable {
    private(set) var value: UInt64 = 0

    mutating func add(_ data: UnsafeRawBufferPointer) {
        var total: UInt64 = 0
        var offset = 0
        while offset + 8 <= data.count {
            total &+= unsafe data.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            offset += 8
        }
        while offset < data.count {
            total &+= unsafe UInt64(data[offset]) << UInt64(offset % 8 * 8)
            offset += 1
        }
        value &+= total
    }

    /// Of what is counted rather than read.
    mutating func add(_ number: UInt64) { value &+= number }
}
