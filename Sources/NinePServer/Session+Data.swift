import ByteStream
import CLinux
import NineP
import SystemPackage

/// Opening and reading.
extension Session {
    func open(_ number: UInt32, flags: UInt32, _ answer: inout Answer) throws(Errno) {
        let fid = try fid(number, &answer)
        guard case .walked = fid.state else { throw .badFileDescriptor }
        // The numbers are those of Linux on x86-64 (include/net/9p/9p.h, P9_DOTL_*).
        let accessMode: UInt32 = 0o3
        let changing: UInt32 = 0o100 | 0o1000
        guard flags & accessMode == 0, flags & changing == 0 else { throw .readOnlyFileSystem }
        if fid.node.qid.kind == .directory {
            fids.setState(.directory(try fid.node.openDirectory()), at: number)
        } else {
            if flags & 0o200000 != 0 { throw .notDirectory }
            if let file = try fid.node.openFileAtOnce() {
                fids.setState(.file(file), at: number)
            } else if openElsewhere(fid, number, &answer) {
                return
            } else {
                fids.setState(.file(try fid.node.openFile()), at: number)
            }
            answer.openedFile = true
        }
        // A nonzero iounit below the message size would shrink every read of Linux's client.
        answer.writer.openReply(.rlopen, tag: answer.tag, fid.node.qid, ioUnit: 0)
    }

    /// Has a worker open the file and reply; false when enough of them are busy.
    private func openElsewhere(_ fid: Fid, _ number: UInt32, _ answer: inout Answer) -> Bool {
        let node = fid.node
        let isGiven = doElsewhere(.tlopen, fid, &answer) { answer in
            var file: (any OpenFile)?
            var failure: Errno?
            do throws(Errno) { file = try node.openFile() } catch { failure = error }
            answer.openedFile = file != nil
            answer.writer.openReply(.rlopen, tag: answer.tag, node.qid, ioUnit: 0)
            return (PendingRequests.Opened(fid: number, node: node, file: file), failure)
        }
        if isGiven { fids.setState(.opening, at: number) }
        return isGiven
    }

    /// Has a worker read and reply; false when enough of them are busy.
    private func readElsewhere(
        _ file: any OpenFile,
        _ fid: Fid,
        at offset: UInt64,
        count: Int,
        _ answer: inout Answer
    ) -> Bool {
        doElsewhere(.tread, fid, isForDisk: file.waitsForDisk, &answer) { answer in
            do throws(Errno) {
                answer.data(try file.data(at: offset, count: count), limit: count)
                return (nil, nil)
            } catch {
                return (nil, error)
            }
        }
    }

    /// Has a worker make an answer and send it, with those to the flushes that wait for it.
    private func doElsewhere(
        _ type: MessageType,
        _ fid: Fid,
        isForDisk: Bool = false,
        _ answer: inout Answer,
        _ body: @escaping @Sendable (inout Answer) -> (PendingRequests.Opened?, Errno?)
    ) -> Bool {
        let limit = service.limits.workerRequests
        let tag = answer.tag
        guard let generation = pending.begin(tag: tag, limit: limit) else { return false }
        answer.discard()
        let start = service.observer == nil ? 0 : monotonicNanoseconds()
        let (export, size) = (Int(fid.export), messageSize)
        let pool = isForDisk ? service.readers : service.workers
        pool.run { [self] in
            defer {
                pending.finished()
                // Who has closed its direction is waited for no longer.
                connection.resume()
            }
            guard pending.isAwaited(generation) else { return }
            var answer = Answer(tag: tag, buffers: buffers, limit: size)
            answer.export = export
            let (opened, failure) = body(&answer)
            let isAwaited = pending.end(tag: tag, generation: generation, opened: opened) {
                flushes in
                reply(to: type, &answer, failure, since: start)
                for flush in flushes {
                    var answer = Answer(tag: flush, buffers: buffers, limit: size)
                    answer.done(.rflush)
                    reply(to: .tflush, &answer, nil, since: start)
                }
            }
            if !isAwaited { answer.discard() }
        }
        return true
    }

    /// Gives fids what workers have opened for them. A fid that was clunked meanwhile is not there,
    /// or stands for something else.
    func settleOpens() {
        for opened in pending.takeOpened() {
            guard let fid = fids[opened.fid], fid.node === opened.node, case .opening = fid.state
            else { continue }
            fids.setState(opened.file.map(Fid.State.file) ?? .walked, at: opened.fid)
        }
    }

    func read(
        _ number: UInt32,
        offset: UInt64,
        count: UInt32,
        _ answer: inout Answer
    ) throws(Errno) {
        let fid = try fid(number, &answer)
        guard offset <= UInt64(Int64.max) else { throw .invalidArgument }
        let count = Int(min(count, messageSize - UInt32(Protocol9P.readHeaderSize)))
        switch fid.state {
        case .walked, .opening: throw .badFileDescriptor
        case .directory: throw .isDirectory
        case .file(let file):
            if let data = try file.dataAtOnce(at: offset, count: count) {
                answer.data(data, limit: count)
            } else if !readElsewhere(file, fid, at: offset, count: count, &answer) {
                answer.data(try file.data(at: offset, count: count), limit: count)
            }
        case .extendedAttribute(let value):
            let start = Int(min(offset, UInt64(value.count)))
            answer.data(value[start...].prefix(count))
        }
    }

    func readdir(
        _ number: UInt32,
        offset: UInt64,
        count: UInt32,
        _ answer: inout Answer
    ) throws(Errno) {
        let fid = try fid(number, &answer)
        let directory: any OpenDirectory
        switch fid.state {
        case .walked, .opening: throw .badFileDescriptor
        case .file, .extendedAttribute: throw .notDirectory
        case .directory(let opened): directory = opened
        }
        let header = Protocol9P.readHeaderSize
        let size = min(Int(count), Self.largestListing, Int(messageSize) - header)
        answer.makeRoom(for: header + size)
        answer.writer.dataReply(.rreaddir, tag: answer.tag, count: 0)
        var writer = answer.writer
        var isCrowded = false
        try directory.entries(after: offset) { name, entry in
            let length = ReplyDirectoryEntry.fixedSize + name.count
            guard writer.count - header + length <= size else {
                isCrowded = true
                return false
            }
            writer.directoryEntry(
                qid: entry.qid,
                cookie: entry.cookie,
                type: entry.type,
                name: name
            )
            return true
        }
        // No entry at all would mean the end of the directory.
        if isCrowded && writer.count == header { throw .invalidArgument }
        answer.writer = writer
        answer.writer.finishData()
        answer.dataByteCount = writer.count - header
    }

    /// A listing longer than this takes several messages, whatever the message size.
    private static let largestListing = 64 << 10
}

extension Answer {
    /// Rread with what was read.
    mutating func data(_ data: FileData, limit: Int) {
        switch data {
        case .end: self.data(nil)
        case .bytes(let bytes): self.data(bytes.prefix(limit))
        case .slice(let slice): self.data(slice, limit: limit)
        }
    }

    /// Rread with those bytes.
    mutating func data(_ bytes: ArraySlice<UInt8>?) {
        let count = bytes?.count ?? 0
        makeRoom(for: Protocol9P.readHeaderSize + count)
        writer.dataReply(.rread, tag: tag, count: UInt32(truncatingIfNeeded: count))
        if let bytes { writer.data(bytes) }
        dataByteCount = count
    }

    /// Rread whose data the carrier takes from a file.
    mutating func data(_ slice: FileSlice, limit: Int) {
        let count = max(0, min(slice.count, limit))
        writer.dataReply(.rread, tag: tag, count: UInt32(truncatingIfNeeded: count))
        file = count == 0 ? nil : FileSlice(file: slice.file, offset: slice.offset, count: count)
        dataByteCount = count
    }
}
