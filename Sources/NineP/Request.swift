/// A request ("T" message) of 9P2000.L, decoded. Strings and data stay in the message.
package enum Request: Equatable, Sendable {
    case version(messageSize: UInt32, version: WireBytes)
    case auth(afid: UInt32, user: WireBytes, attachName: WireBytes, uid: UInt32)
    case attach(fid: UInt32, afid: UInt32, user: WireBytes, attachName: WireBytes, uid: UInt32)
    case flush(oldTag: UInt16)
    case walk(fid: UInt32, newFid: UInt32, names: WalkNames)
    case lopen(fid: UInt32, flags: UInt32)
    case lcreate(fid: UInt32, name: WireBytes, flags: UInt32, mode: UInt32, gid: UInt32)
    case symlink(directory: UInt32, name: WireBytes, target: WireBytes, gid: UInt32)
    case mknod(
        directory: UInt32,
        name: WireBytes,
        mode: UInt32,
        major: UInt32,
        minor: UInt32,
        gid: UInt32
    )
    case rename(fid: UInt32, directory: UInt32, name: WireBytes)
    case readlink(fid: UInt32)
    case getattr(fid: UInt32, mask: UInt64)
    case setattr(fid: UInt32, SetAttributes)
    case xattrwalk(fid: UInt32, newFid: UInt32, name: WireBytes)
    case xattrcreate(fid: UInt32, name: WireBytes, size: UInt64, flags: UInt32)
    case readdir(fid: UInt32, offset: UInt64, count: UInt32)
    case fsync(fid: UInt32, dataOnly: UInt32)
    case lock(fid: UInt32, LockRange, flags: UInt32)
    case getlock(fid: UInt32, LockRange)
    case link(directory: UInt32, fid: UInt32, name: WireBytes)
    case mkdir(directory: UInt32, name: WireBytes, mode: UInt32, gid: UInt32)
    case renameat(
        oldDirectory: UInt32,
        oldName: WireBytes,
        newDirectory: UInt32,
        newName: WireBytes
    )
    case unlinkat(directory: UInt32, name: WireBytes, flags: UInt32)
    case read(fid: UInt32, offset: UInt64, count: UInt32)
    case write(fid: UInt32, offset: UInt64, data: WireBytes)
    case clunk(fid: UInt32)
    case remove(fid: UInt32)
    case statfs(fid: UInt32)
}

/// The names of a Twalk: at most `Protocol9P.maximumWalkNames`, all within the message.
package struct WalkNames: Equatable, Sendable {
    package let count: Int
    /// Where the first name's length lies in the message.
    package let offset: Int

    package init(count: Int, offset: Int) {
        self.count = count
        self.offset = offset
    }
}

/// Fields of Tsetattr.
package struct SetAttributes: Equatable, Sendable {
    package var valid: UInt32 = 0
    package var mode: UInt32 = 0
    package var uid: UInt32 = 0
    package var gid: UInt32 = 0
    package var size: UInt64 = 0
    package var accessedSeconds: UInt64 = 0
    package var accessedNanoseconds: UInt64 = 0
    package var modifiedSeconds: UInt64 = 0
    package var modifiedNanoseconds: UInt64 = 0
    package init() {}
}

/// A byte range lock as Tlock, Tgetlock and Rgetlock have it.
package struct LockRange: Equatable, Sendable {
    /// 0 read, 1 write, 2 unlock.
    package var kind: UInt8
    package var start: UInt64
    /// 0: to the end of the file.
    package var length: UInt64
    package var process: UInt32
    package var client: WireBytes

    package init(kind: UInt8, start: UInt64, length: UInt64, process: UInt32, client: WireBytes) {
        self.kind = kind
        self.start = start
        self.length = length
        self.process = process
        self.client = client
    }
}
