import ByteStream
import CLinux
import FuzzSupport
import NineP
import SystemIO

/// What outlives a session: the count, and what may never change between sessions.
package final class FuzzMemory {
    package var tally = Tally()
    /// Hears of every request and its reply, as text, when they are judged.
    package var trace: ((String) -> Void)?
    private var paths: [ObjectIdentifier: UInt64] = [:]
    private var owners: [[UInt64]: ObjectIdentifier] = [:]
    private struct Place: Hashable {
        let directory: ObjectIdentifier
        let cookie: UInt64
    }
    private var next: [Place: [UInt8]] = [:]
    private var cookies: [ObjectIdentifier: [UInt64]] = [:]

    /// A node's qid path never changes and belongs to no other node of its export.
    func check(_ qid: Qid, of node: ModelNode, in export: Int) throws(Violation) {
        let kind: Qid.Kind =
            switch node.kind {
            case .directory: .directory
            case .symlink: .symlink
            case .file, .fifo: .file
            }
        try require(qid.kind == kind && qid.version != 0, "\(qid) is a \(node.kind)")
        if node.isVolatile { return }
        let id = ObjectIdentifier(node)
        try require(paths[id] ?? qid.path == qid.path, "a qid path has changed")
        let owner = owners[[UInt64(export), qid.path]]
        try require(owner ?? id == id, "a qid path belongs to two files")
        paths[id] = qid.path
        owners[[UInt64(export), qid.path]] = id
    }

    /// The same cookie always leads to the same entry.
    func check(_ name: [UInt8], after cookie: UInt64, in node: ModelNode) throws(Violation) {
        let place = Place(directory: ObjectIdentifier(node), cookie: cookie)
        try require(next[place] ?? name == name, "another entry follows the same cookie")
        next[place] = name
    }

    func saw(_ cookie: UInt64, in node: ModelNode) {
        let id = ObjectIdentifier(node)
        if !cookies[id, default: []].contains(cookie) { cookies[id, default: []].append(cookie) }
    }

    /// The cookies that the directory has given so far.
    func cookies(of node: ModelNode) -> [UInt64] { cookies[ObjectIdentifier(node)] ?? [] }
}

/// Replies other than Rlerror: what they say is true, and the client's state follows.
extension ClientModel {
    mutating func accepted(
        _ pending: Pending,
        _ type: MessageType,
        _ bytes: [UInt8],
        _ file: FileSlice?,
        _ memory: FuzzMemory
    ) throws(Violation) {
        guard let request = pending.decoded({ _, request, _ in request }) else {
            throw Violation("nonsense was answered by \(type)")
        }
        if case .read(let number, let offset, let count) = request {
            return try checkRead(fids[number]!, offset, count, bytes, file)
        }
        try require(file == nil, "\(type) with file data")
        let answer = try decode(type, bytes)
        let question = Decoded(reply: .done, bytes: pending.bytes)
        switch (request, answer.reply) {
        case (.version(let size, let name), .version(let agreed, let ours)):
            startOver()
            let isOurs = question.copy(name) == Array("9P2000.L".utf8)
            try require(agreed == min(size, limits.messageSize), "msize \(agreed) for \(size)")
            let expected = isOurs ? "9P2000.L" : "unknown"
            try require(answer.copy(ours) == Array(expected.utf8), "version \(answer.bytes)")
            if isOurs { messageSize = agreed }
        case (.attach(let fid, _, _, let name, _), .attach(let qid)):
            let index = export(named: question.copy(name))!
            try memory.check(qid, of: exports[index].top, in: index)
            set(Fid(node: exports[index].top, export: index), at: fid)
        case (.flush(let old), .done):
            let isEarly = self.pending.contains {
                $0.tag == old && $0.isUnderWay && $0.isOpen && $0.serial < pending.serial
            }
            try require(!isEarly, "Rflush came before the reply to what it flushes")
        case (.walk(let fid, let new, let names), .walk(let count, let offset)):
            try checkWalk(pending, fid, new, names, answer, count, offset, memory)
        case (.lopen(let number, _), .open(let qid, let unit)):
            try require(unit == 0, "iounit \(unit)")
            guard let fid = fids[number] else { break }
            if pending.isUnderWay, fid.use != Use.opening(pending.serial) { break }
            try memory.check(qid, of: fid.node, in: fid.export)
            fids[number]?.use = fid.node.isDirectory ? .directory : .file
        case (.readdir(let fid, let cookie, let count), .readdir(let data)):
            try checkListing(fids[fid]!, cookie, count, answer.copy(data), memory)
        case (.readlink(let fid), .readlink(let field)):
            try require(fids[fid]!.node.kind == .symlink(answer.copy(field)), "another target")
        case (.getattr(let number, _), .getattr(let attributes)):
            let fid = fids[number]!
            try memory.check(attributes.qid, of: fid.node, in: fid.export)
            if case .file(let size) = fid.node.kind, !fid.node.isVolatile {
                try require(attributes.size == UInt64(size), "size \(attributes.size)")
            }
        case (.xattrwalk(let fid, let new, let name), .xattrwalk(let size)):
            let fid = fids[fid]!
            let known = fid.node.attributes?.first { $0.name == question.copy(name) }
            if let known { try require(size == UInt64(known.count), "attribute of \(size) bytes") }
            set(Fid(node: fid.node, export: fid.export, use: .attribute(Int(size))), at: new)
        case (.clunk(let fid), .done): release(fid)
        case (.getlock(_, let range), .getlock(let found)):
            try require(found.kind == 2 && found.start == range.start, "a lock of nobody's")
        case (.lock, .lock(let status)): try require(status == 0, "status \(status)")
        case (.fsync, .done), (.statfs, .statfs): break
        default: throw Violation("\(type) for \(request)")
        }
    }

    private func checkRead(
        _ fid: Fid,
        _ offset: UInt64,
        _ count: UInt32,
        _ bytes: [UInt8],
        _ file: FileSlice?
    ) throws(Violation) {
        let header = Protocol9P.readHeaderSize
        let length = bytes.count - header + (file?.count ?? 0)
        let claimed = bytes[7..<11].reversed().reduce(0) { $0 << 8 | Int($1) }
        try require(length >= 0 && claimed == length, "Rread claims \(claimed) of \(length) bytes")
        let size: Int? =
            switch fid.use {
            case .attribute(let count): count
            default: fid.node.isVolatile ? nil : fid.node.size
            }
        let limit = min(Int(count), Int(messageSize) - header)
        try require(length <= limit, "Rread with \(length) bytes for \(limit)")
        guard let size else { return }
        let rest = offset > UInt64(size) ? 0 : size - Int(offset)
        try require(length == min(limit, rest), "Rread with \(length) bytes of \(rest)")
        guard fid.use == .file, length > 0 else { return }
        for place in [0, length - 1] {
            var byte: UInt8 = 0
            if let file {
                _ = pread(file.file.rawValue, &byte, 1, off_t(file.offset) + off_t(place))
            } else {
                byte = bytes[header + place]
            }
            try require(byte == ModelNode.content(at: Int(offset) + place), "another content")
        }
    }
}
