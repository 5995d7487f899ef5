import FuzzSupport
import NineP

extension ClientModel {
    /// The qids of a walk belong to the nodes it goes through.
    mutating func checkWalk(
        _ pending: Pending,
        _ number: UInt32,
        _ new: UInt32,
        _ names: WalkNames,
        _ answer: Decoded,
        _ count: Int,
        _ offset: Int,
        _ memory: FuzzMemory
    ) throws(Violation) {
        guard let fid = fids[number] else { throw Violation("a walk from nowhere") }
        let (end, expected) = pending.bytes.withUnsafeBytes { bytes in
            let (node, count, _) = resolve(fid.node, names, WireReader(bytes))
            return (node, count)
        }
        try require(
            count == expected || end.isVolatile,
            "a walk of \(count) names, expected \(expected)"
        )
        for length in 1..<max(1, count + 1) {
            let part = WalkNames(count: length, offset: names.offset)
            let node = pending.bytes.withUnsafeBytes { bytes in
                resolve(fid.node, part, WireReader(bytes)).node
            }
            let qid = answer.bytes.withUnsafeBytes { bytes in
                var reader = WireReader(bytes)
                reader.skip(to: offset + 13 * (length - 1))
                return reader.qid()
            }
            try memory.check(qid, of: node, in: fid.export)
        }
        if count == names.count { set(Fid(node: end, export: fid.export), at: new) }
    }

    /// The entries of a listing are the directory's, in an order that never changes.
    func checkListing(
        _ fid: Fid,
        _ cookie: UInt64,
        _ count: UInt32,
        _ data: [UInt8],
        _ memory: FuzzMemory
    ) throws(Violation) {
        try require(data.count <= Int(count), "Rreaddir with \(data.count) bytes for \(count)")
        var cookie = cookie
        var position = 0
        let isKnown = cookie == 0 || memory.cookies(of: fid.node).contains(cookie)
        while position < data.count {
            let rest = Array(data[position...])
            let entry = rest.withUnsafeBytes { bytes -> (name: [UInt8], qid: Qid, next: UInt64)? in
                var reader = WireReader(bytes)
                let entry = ReplyDirectoryEntry(from: &reader)
                return reader.failed ? nil : (reader.copy(entry.name), entry.qid, entry.cookie)
            }
            guard let (name, qid, next) = entry else { throw Violation("half an entry") }
            position += ReplyDirectoryEntry.fixedSize + name.count
            try require(next != 0, "a cookie of 0")
            let node: ModelNode? =
                switch name {
                case [0x2e]: fid.node
                case [0x2e, 0x2e]: fid.node.parent
                default: fid.node.child(name)
                }
            guard let node else { throw Violation("an entry that is not there: \(name)") }
            if !node.isVolatile, node.isDirectory {
                try memory.check(qid, of: node, in: fid.export)
            }
            let isStill = !fid.node.children.contains(where: \.isVolatile)
            if isStill, isKnown || position > ReplyDirectoryEntry.fixedSize + name.count {
                try memory.check(name, after: cookie, in: fid.node)
            }
            cookie = next
            if isStill { memory.saw(cookie, in: fid.node) }
        }
    }
}
