/// Whole requests, for clients; each starts the message over. `finish()` completes it.
extension WireWriter {
    package mutating func tversion(tag: UInt16, messageSize: UInt32, version: [UInt8]) {
        begin(.tversion, tag: tag)
        u32(messageSize)
        string(version)
    }

    package mutating func tauth(
        tag: UInt16,
        afid: UInt32,
        user: [UInt8],
        attachName: [UInt8],
        uid: UInt32
    ) {
        begin(.tauth, tag: tag)
        u32(afid)
        string(user)
        string(attachName)
        u32(uid)
    }

    package mutating func tattach(
        tag: UInt16,
        fid: UInt32,
        afid: UInt32 = Protocol9P.noFid,
        user: [UInt8],
        attachName: [UInt8],
        uid: UInt32
    ) {
        begin(.tattach, tag: tag)
        u32(fid)
        u32(afid)
        string(user)
        string(attachName)
        u32(uid)
    }

    package mutating func tflush(tag: UInt16, oldTag: UInt16) {
        begin(.tflush, tag: tag)
        u16(oldTag)
    }

    package mutating func twalk(tag: UInt16, fid: UInt32, newFid: UInt32, names: [[UInt8]]) {
        begin(.twalk, tag: tag)
        u32(fid)
        u32(newFid)
        u16(UInt16(truncatingIfNeeded: names.count))
        for name in names { string(name) }
    }

    /// Tclunk, Tremove, Treadlink, Tstatfs: a fid alone.
    package mutating func fidRequest(_ type: MessageType, tag: UInt16, fid: UInt32) {
        begin(type, tag: tag)
        u32(fid)
    }

    package mutating func tlopen(tag: UInt16, fid: UInt32, flags: UInt32) {
        begin(.tlopen, tag: tag)
        u32(fid)
        u32(flags)
    }

    package mutating func tgetattr(tag: UInt16, fid: UInt32, mask: UInt64) {
        begin(.tgetattr, tag: tag)
        u32(fid)
        u64(mask)
    }

    package mutating func txattrwalk(tag: UInt16, fid: UInt32, newFid: UInt32, name: [UInt8]) {
        begin(.txattrwalk, tag: tag)
        u32(fid)
        u32(newFid)
        string(name)
    }

    /// Tread, Treaddir.
    package mutating func readRequest(
        _ type: MessageType,
        tag: UInt16,
        fid: UInt32,
        offset: UInt64,
        count: UInt32
    ) {
        begin(type, tag: tag)
        u32(fid)
        u64(offset)
        u32(count)
    }

    package mutating func tfsync(tag: UInt16, fid: UInt32, dataOnly: UInt32) {
        begin(.tfsync, tag: tag)
        u32(fid)
        u32(dataOnly)
    }

    package mutating func tlock(
        tag: UInt16,
        fid: UInt32,
        kind: UInt8,
        flags: UInt32,
        start: UInt64,
        length: UInt64,
        process: UInt32,
        client: [UInt8]
    ) {
        begin(.tlock, tag: tag)
        u32(fid)
        u8(kind)
        u32(flags)
        u64(start)
        u64(length)
        u32(process)
        string(client)
    }

    package mutating func tgetlock(
        tag: UInt16,
        fid: UInt32,
        kind: UInt8,
        start: UInt64,
        length: UInt64,
        process: UInt32,
        client: [UInt8]
    ) {
        begin(.tgetlock, tag: tag)
        u32(fid)
        u8(kind)
        u64(start)
        u64(length)
        u32(process)
        string(client)
    }

    package mutating func twrite(tag: UInt16, fid: UInt32, offset: UInt64, data: [UInt8]) {
        begin(.twrite, tag: tag)
        u32(fid)
        u64(offset)
        u32(UInt32(truncatingIfNeeded: data.count))
        self.data(data[...])
    }
}
