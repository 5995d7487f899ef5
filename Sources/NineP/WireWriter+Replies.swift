/// Whole replies; each starts the message over. `finish()` completes it.
extension WireWriter {
    package mutating func rlerror(tag: UInt16, errno: UInt32) {
        begin(.rlerror, tag: tag)
        u32(errno)
    }

    package mutating func rversion(tag: UInt16, messageSize: UInt32, version: StaticString) {
        begin(.rversion, tag: tag)
        u32(messageSize)
        string(version)
    }

    /// Rauth, Rattach, Rsymlink, Rmknod, Rmkdir: a qid alone.
    package mutating func qidReply(_ type: MessageType, tag: UInt16, _ qid: Qid) {
        begin(type, tag: tag)
        self.qid(qid)
    }

    /// Starts an Rwalk; `qid(_:)` adds to it, `finishWalk` writes the number.
    package mutating func rwalk(tag: UInt16) {
        begin(.rwalk, tag: tag)
        u16(0)
    }

    package mutating func finishWalk(count: Int) {
        patch(u16: UInt16(truncatingIfNeeded: count), at: Protocol9P.headerSize)
    }

    /// Rlopen, Rlcreate.
    package mutating func openReply(_ type: MessageType, tag: UInt16, _ qid: Qid, ioUnit: UInt32) {
        begin(type, tag: tag)
        self.qid(qid)
        u32(ioUnit)
    }

    package mutating func rreadlink(tag: UInt16, target: [UInt8]) {
        begin(.rreadlink, tag: tag)
        string(target)
    }

    package mutating func rgetattr(tag: UInt16, _ attributes: ReplyAttributes) {
        begin(.rgetattr, tag: tag)
        u64(attributes.valid)
        qid(attributes.qid)
        u32(attributes.mode)
        u32(attributes.uid)
        u32(attributes.gid)
        u64(attributes.linkCount)
        u64(attributes.device)
        u64(attributes.size)
        u64(attributes.blockSize)
        u64(attributes.blocks)
        for index in attributes.times.indices { u64(attributes.times[index]) }
        u64(attributes.generation)
        u64(attributes.dataVersion)
    }

    package mutating func rxattrwalk(tag: UInt16, size: UInt64) {
        begin(.rxattrwalk, tag: tag)
        u64(size)
    }

    /// Rread and Rreaddir up to their data. The data is added behind, or travels as a file slice.
    package mutating func dataReply(_ type: MessageType, tag: UInt16, count: UInt32) {
        begin(type, tag: tag)
        u32(count)
    }

    /// Writes the count of an Rreaddir whose entries have been added.
    package mutating func finishData() {
        patch(
            u32: UInt32(truncatingIfNeeded: count - Protocol9P.readHeaderSize),
            at: Protocol9P.headerSize
        )
    }

    /// One entry of Rreaddir. The caller has made sure of the room.
    package mutating func directoryEntry(
        qid: Qid,
        cookie: UInt64,
        type: UInt8,
        name: Span<UInt8>
    ) {
        self.qid(qid)
        u64(cookie)
        u8(type)
        string(name)
    }

    package mutating func rlock(tag: UInt16, status: UInt8) {
        begin(.rlock, tag: tag)
        u8(status)
    }

    package mutating func rgetlock(
        tag: UInt16,
        kind: UInt8,
        start: UInt64,
        length: UInt64,
        process: UInt32,
        client: [UInt8]
    ) {
        begin(.rgetlock, tag: tag)
        u8(kind)
        u64(start)
        u64(length)
        u32(process)
        string(client)
    }

    package mutating func rwrite(tag: UInt16, count: UInt32) {
        begin(.rwrite, tag: tag)
        u32(count)
    }

    package mutating func rstatfs(tag: UInt16, _ figures: ReplyStatistics) {
        begin(.rstatfs, tag: tag)
        u32(figures.type)
        u32(figures.blockSize)
        u64(figures.blocks)
        u64(figures.freeBlocks)
        u64(figures.availableBlocks)
        u64(figures.files)
        u64(figures.freeFiles)
        u64(figures.identifier)
        u32(figures.maximumNameLength)
    }
}
