/// A reply ("R" message) of 9P2000.L, decoded. Strings and data stay in the message.
package enum Reply: Equatable, Sendable {
    /// Linux errno.
    case error(UInt32)
    case version(messageSize: UInt32, version: WireBytes)
    case auth(Qid)
    case attach(Qid)
    case walk(count: Int, offset: Int)
    case open(Qid, ioUnit: UInt32)
    case create(Qid, ioUnit: UInt32)
    /// Rsymlink, Rmknod, Rmkdir.
    case made(Qid)
    case readlink(WireBytes)
    case getattr(ReplyAttributes)
    case xattrwalk(size: UInt64)
    case readdir(WireBytes)
    case lock(status: UInt8)
    case getlock(LockRange)
    case read(WireBytes)
    case write(count: UInt32)
    case statfs(ReplyStatistics)
    /// Replies without a body: Rclunk, Rflush, Rfsync, …
    case done
}

/// Fields of Rgetattr.
package struct ReplyAttributes: Equatable, Sendable {
    package var valid: UInt64 = AttributeMask.basic
    package var qid: Qid
    package var mode: UInt32 = 0
    package var uid: UInt32 = 0
    package var gid: UInt32 = 0
    package var linkCount: UInt64 = 0
    package var device: UInt64 = 0
    package var size: UInt64 = 0
    package var blockSize: UInt64 = 0
    package var blocks: UInt64 = 0
    /// atime, mtime, ctime, btime: seconds and nanoseconds.
    package var times: InlineArray<8, UInt64> = .init(repeating: 0)
    package var generation: UInt64 = 0
    package var dataVersion: UInt64 = 0

    package init(qid: Qid) { self.qid = qid }

    package static func == (a: ReplyAttributes, b: ReplyAttributes) -> Bool {
        for index in a.times.indices where a.times[index] != b.times[index] { return false }
        return a.valid == b.valid && a.qid == b.qid && a.mode == b.mode && a.uid == b.uid
            && a.gid == b.gid && a.linkCount == b.linkCount && a.device == b.device
            && a.size == b.size && a.blockSize == b.blockSize && a.blocks == b.blocks
            && a.generation == b.generation && a.dataVersion == b.dataVersion
    }
}

/// Fields of Rstatfs.
package struct ReplyStatistics: Equatable, Sendable {
    package var type: UInt32 = 0
    package var blockSize: UInt32 = 0
    package var blocks: UInt64 = 0
    package var freeBlocks: UInt64 = 0
    package var availableBlocks: UInt64 = 0
    package var files: UInt64 = 0
    package var freeFiles: UInt64 = 0
    package var identifier: UInt64 = 0
    package var maximumNameLength: UInt32 = 0
    package init() {}
}

/// One entry of Rreaddir's data.
package struct ReplyDirectoryEntry: Equatable, Sendable {
    package let qid: Qid
    package let cookie: UInt64
    /// DT_REG, DT_DIR, …
    package let type: UInt8
    package let name: WireBytes

    package init(from reader: inout WireReader) {
        qid = reader.qid()
        cookie = reader.u64()
        type = reader.u8()
        name = reader.string()
    }

    /// Length on the wire without the name, in bytes: qid[13] offset[8] type[1] name's length[2].
    package static let fixedSize = 24
}
