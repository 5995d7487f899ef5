import ByteStream
import CLinux
import NineP
import SystemPackage

/// One handler a message. Each throws the errno of its refusal (docs/9p.md lists them).
extension Session {
    func handle(
        _ request: Request,
        _ reader: WireReader,
        _ answer: inout Answer
    ) throws(Errno) {
        switch request {
        case .version(let size, let version):
            try negotiate(size, isOurs: unsafe Self.isVersion(reader.slice(version)), &answer)
        case .auth: throw .noSuchFileOrDirectory
        case .attach(let fid, let afid, _, let name, _):
            try attach(fid, afid: afid, name: name, reader, &answer)
        case .flush(let oldTag):
            let limit = service.limits.pendingReplies
            if try pending.flush(oldTag: oldTag, tag: answer.tag, limit: limit) {
                answer.discard()
            } else {
                answer.done(.rflush)
            }
        case .walk(let fid, let newFid, let names):
            try walk(fid, newFid, names, reader, &answer)
        case .lopen(let fid, let flags): try open(fid, flags: flags, &answer)
        case .readlink(let fid):
            let target = try self.fid(fid, &answer).node.symlinkTarget()
            answer.makeRoom(for: Protocol9P.headerSize + 2 + target.count)
            answer.writer.rreadlink(tag: answer.tag, target: target)
        case .getattr(let fid, _): try getattr(fid, &answer)
        case .xattrwalk(let fid, let newFid, let name):
            try xattrwalk(fid, newFid, name: reader.copy(name), &answer)
        case .readdir(let fid, let offset, let count):
            try readdir(fid, offset: offset, count: count, &answer)
        case .fsync(let fid, _):
            _ = try self.fid(fid, &answer)
            answer.done(.rfsync)
        case .lock(let fid, _, _):
            // A client's own locks exclude each other on its side; nobody else can write here.
            _ = try self.fid(fid, &answer)
            answer.writer.rlock(tag: answer.tag, status: 0)
        case .getlock(let fid, let range):
            _ = try self.fid(fid, &answer)
            let client = reader.copy(range.client)
            answer.makeRoom(for: Protocol9P.headerSize + 23 + client.count)
            answer.writer.rgetlock(
                tag: answer.tag,
                kind: UInt8(F_UNLCK),
                start: range.start,
                length: range.length,
                process: range.process,
                client: client
            )
        case .read(let fid, let offset, let count):
            try read(fid, offset: offset, count: count, &answer)
        case .clunk(let fid):
            guard clunk(fid) else { throw .badFileDescriptor }
            answer.done(.rclunk)
        case .statfs(let fid): try statfs(fid, &answer)
        case .lcreate, .symlink, .mknod, .rename, .setattr, .xattrcreate, .link, .mkdir, .renameat,
            .unlinkat, .write, .remove:
            throw .readOnlyFileSystem
        }
    }

    // MARK: The conversation

    private static func isVersion(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let ours = unsafe UnsafeRawBufferPointer(
            start: Protocol9P.version.utf8Start,
            count: Protocol9P.version.utf8CodeUnitCount
        )
        return unsafe bytes.elementsEqual(ours)
    }

    /// Also in mid-session: all fids are then gone, as version(5) wants it.
    private func negotiate(_ size: UInt32, isOurs: Bool, _ answer: inout Answer) throws(Errno) {
        fids.removeAll()
        pending.abandon()
        extendedAttributeBytes = 0
        messageSize = 0
        guard size >= 4096 else { throw .invalidArgument }
        let agreed = min(size, service.limits.messageSize)
        guard isOurs else {
            answer.writer.rversion(tag: answer.tag, messageSize: agreed, version: "unknown")
            return
        }
        messageSize = agreed
        service.sessionSpoke(self)
        answer.writer.rversion(tag: answer.tag, messageSize: agreed, version: Protocol9P.version)
    }

    private func attach(
        _ number: UInt32,
        afid: UInt32,
        name: WireBytes,
        _ reader: WireReader,
        _ answer: inout Answer
    ) throws(Errno) {
        guard afid == Protocol9P.noFid else { throw .badFileDescriptor }
        guard let index = unsafe service.exports.index(named: reader.slice(name)) else {
            throw .noSuchFileOrDirectory
        }
        answer.export = index
        let root = try service.exports.entries[index].export.root()
        try add(Fid(node: root, export: UInt16(index)), at: number)
        answer.writer.qidReply(.rattach, tag: answer.tag, root.qid)
    }

    private func statfs(_ number: UInt32, _ answer: inout Answer) throws(Errno) {
        let fid = try fid(number, &answer)
        let figures = try service.exports.entries[Int(fid.export)].export.statistics()
        var reply = ReplyStatistics()
        reply.type = figures.type
        reply.blockSize = figures.blockSize
        reply.blocks = figures.blocks
        reply.freeBlocks = figures.freeBlocks
        reply.availableBlocks = figures.availableBlocks
        reply.files = figures.files
        reply.freeFiles = figures.freeFiles
        reply.identifier = figures.identifier
        reply.maximumNameLength = figures.maximumNameLength
        answer.writer.rstatfs(tag: answer.tag, reply)
    }

    // MARK: Fids

    func fid(_ number: UInt32, _ answer: inout Answer) throws(Errno) -> Fid {
        guard let fid = fids[number] else { throw .badFileDescriptor }
        answer.export = Int(fid.export)
        return fid
    }

    /// Adds a fid under a number that must be free.
    private func add(_ fid: Fid, at number: UInt32) throws(Errno) {
        guard number != Protocol9P.noFid else { throw .invalidArgument }
        guard fids[number] == nil else { throw .badFileDescriptor }
        guard fids.count < service.limits.fids else { throw .tooManyOpenFiles }
        fids.set(fid, at: number)
    }

    @discardableResult
    func clunk(_ number: UInt32) -> Bool {
        guard let fid = fids.remove(number) else { return false }
        extendedAttributeBytes -= fid.extendedAttributeByteCount
        return true
    }

    /// A walk that does not reach its end makes no fid, and tells how far it came (walk(5)).
    private func walk(
        _ number: UInt32,
        _ newNumber: UInt32,
        _ names: WalkNames,
        _ reader: WireReader,
        _ answer: inout Answer
    ) throws(Errno) {
        let fid = try fid(number, &answer)
        var reader = reader
        reader.skip(to: names.offset)
        answer.writer.rwalk(tag: answer.tag)
        var node = fid.node
        for index in 0..<names.count {
            do throws(Errno) {
                // SAFETY: the request's memory stays as it is while it is served.
                let bytes = unsafe reader.slice(reader.string())
                    .assumingMemoryBound(to: UInt8.self)
                node = try step(from: node, to: unsafe bytes.span)
            } catch {
                guard index > 0 else { throw error }
                answer.writer.finishWalk(count: index)
                return
            }
            answer.writer.qid(node.qid)
        }
        let result = Fid(node: node, export: fid.export)
        if newNumber == number {
            extendedAttributeBytes -= fid.extendedAttributeByteCount
            fids.set(result, at: number)
        } else {
            try add(result, at: newNumber)
        }
        answer.writer.finishWalk(count: names.count)
    }

    /// One element of a walk: the child of that name.
    private func step(from node: any Node, to name: Span<UInt8>) throws(Errno) -> any Node {
        if node.qid.kind != .directory { throw .notDirectory }
        switch name.dots {
        case 1: return node
        case 2: return node.parent()
        default: break
        }
        if name.isEmpty { throw .invalidArgument }
        guard name.count <= 255 else { throw .fileNameTooLong }
        for index in name.indices where name[index] == 0 || name[index] == UInt8(ascii: "/") {
            throw .invalidArgument
        }
        return try node.child(named: name)
    }

    // MARK: Attributes

    private func getattr(_ number: UInt32, _ answer: inout Answer) throws(Errno) {
        let node = try fid(number, &answer).node
        let attributes = try node.attributes()
        var reply = ReplyAttributes(qid: node.qid)
        reply.mode = attributes.mode
        reply.uid = attributes.uid
        reply.gid = attributes.gid
        reply.linkCount = attributes.linkCount
        reply.device = attributes.device
        reply.size = attributes.size
        reply.blockSize = attributes.blockSize
        reply.blocks = attributes.blocks
        reply.times[0] = attributes.accessed.seconds
        reply.times[1] = attributes.accessed.nanoseconds
        reply.times[2] = attributes.modified.seconds
        reply.times[3] = attributes.modified.nanoseconds
        reply.times[4] = attributes.changed.seconds
        reply.times[5] = attributes.changed.nanoseconds
        answer.writer.rgetattr(tag: answer.tag, reply)
    }

    /// The value (or, without a name, the list of names, each ended by NUL) becomes a fid to read.
    private func xattrwalk(
        _ number: UInt32,
        _ newNumber: UInt32,
        name: [UInt8],
        _ answer: inout Answer
    ) throws(Errno) {
        let fid = try fid(number, &answer)
        guard name.count <= 255 else { throw Errno(rawValue: ERANGE) }
        if name.contains(0) { throw .invalidArgument }
        var value: [UInt8] = []
        if name.isEmpty {
            for entry in try fid.node.extendedAttributeNames() { value += entry + [0] }
        } else {
            value = try fid.node.extendedAttribute(named: name)
        }
        guard extendedAttributeBytes + value.count <= service.limits.extendedAttributeBytes else {
            throw Errno(rawValue: ENOBUFS)
        }
        let state = Fid.State.extendedAttribute(value)
        try add(Fid(node: fid.node, export: fid.export, state: state), at: newNumber)
        extendedAttributeBytes += value.count
        answer.writer.rxattrwalk(tag: answer.tag, size: UInt64(value.count))
    }
}
