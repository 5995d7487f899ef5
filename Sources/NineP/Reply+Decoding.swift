extension Reply {
    /// Decodes the body of a reply whose header the reader has passed; nil when it is malformed.
    package init?(_ type: MessageType, from reader: inout WireReader) {
        switch type {
        case .rlerror: self = .error(reader.u32())
        case .rversion: self = .version(messageSize: reader.u32(), version: reader.string())
        case .rauth: self = .auth(reader.qid())
        case .rattach: self = .attach(reader.qid())
        case .rwalk:
            let count = Int(reader.u16())
            self = .walk(count: count, offset: reader.offset)
            for _ in 0..<count { _ = reader.qid() }
        case .rlopen: self = .open(reader.qid(), ioUnit: reader.u32())
        case .rlcreate: self = .create(reader.qid(), ioUnit: reader.u32())
        case .rsymlink, .rmknod, .rmkdir: self = .made(reader.qid())
        case .rreadlink: self = .readlink(reader.string())
        case .rgetattr: self = .getattr(ReplyAttributes(from: &reader))
        case .rxattrwalk: self = .xattrwalk(size: reader.u64())
        case .rreaddir: self = .readdir(reader.data(count: Int(reader.u32())))
        case .rlock: self = .lock(status: reader.u8())
        case .rgetlock: self = .getlock(LockRange(from: &reader))
        case .rread: self = .read(reader.data(count: Int(reader.u32())))
        case .rwrite: self = .write(count: reader.u32())
        case .rstatfs: self = .statfs(ReplyStatistics(from: &reader))
        case .rclunk, .rflush, .rfsync, .rremove, .rrename, .rrenameat, .runlinkat, .rlink,
            .rsetattr, .rxattrcreate:
            self = .done
        default: return nil
        }
        guard reader.isComplete else { return nil }
    }
}

extension ReplyAttributes {
    fileprivate init(from reader: inout WireReader) {
        let valid = reader.u64()
        self.init(qid: reader.qid())
        self.valid = valid
        mode = reader.u32()
        uid = reader.u32()
        gid = reader.u32()
        linkCount = reader.u64()
        device = reader.u64()
        size = reader.u64()
        blockSize = reader.u64()
        blocks = reader.u64()
        for index in times.indices { times[index] = reader.u64() }
        generation = reader.u64()
        dataVersion = reader.u64()
    }
}

extension ReplyStatistics {
    fileprivate init(from reader: inout WireReader) {
        self.init()
        type = reader.u32()
        blockSize = reader.u32()
        blocks = reader.u64()
        freeBlocks = reader.u64()
        availableBlocks = reader.u64()
        files = reader.u64()
        freeFiles = reader.u64()
        identifier = reader.u64()
        maximumNameLength = reader.u32()
    }
}
