/// Message types of 9P2000.L, as its specification and Linux's `include/net/9p/9p.h` number them.
/// Requests ("T") are even, their replies ("R") one more.
package enum MessageType: UInt8, CaseIterable, Sendable {
    case rlerror = 7
    case tstatfs = 8
    case rstatfs = 9
    case tlopen = 12
    case rlopen = 13
    case tlcreate = 14
    case rlcreate = 15
    case tsymlink = 16
    case rsymlink = 17
    case tmknod = 18
    case rmknod = 19
    case trename = 20
    case rrename = 21
    case treadlink = 22
    case rreadlink = 23
    case tgetattr = 24
    case rgetattr = 25
    case tsetattr = 26
    case rsetattr = 27
    case txattrwalk = 30
    case rxattrwalk = 31
    case txattrcreate = 32
    case rxattrcreate = 33
    case treaddir = 40
    case rreaddir = 41
    case tfsync = 50
    case rfsync = 51
    case tlock = 52
    case rlock = 53
    case tgetlock = 54
    case rgetlock = 55
    case tlink = 70
    case rlink = 71
    case tmkdir = 72
    case rmkdir = 73
    case trenameat = 74
    case rrenameat = 75
    case tunlinkat = 76
    case runlinkat = 77
    case tversion = 100
    case rversion = 101
    case tauth = 102
    case rauth = 103
    case tattach = 104
    case rattach = 105
    case tflush = 108
    case rflush = 109
    case twalk = 110
    case rwalk = 111
    case tread = 116
    case rread = 117
    case twrite = 118
    case rwrite = 119
    case tclunk = 120
    case rclunk = 121
    case tremove = 122
    case rremove = 123

    package var isRequest: Bool { rawValue & 1 == 0 }

    /// The type of the successful reply to this request.
    package var reply: MessageType? { isRequest ? MessageType(rawValue: rawValue + 1) : nil }

    /// Requests that change a tree: a read-only server refuses them without looking further.
    package var isModifying: Bool {
        switch self {
        case .tlcreate, .tsymlink, .tmknod, .trename, .tsetattr, .txattrcreate, .tlink, .tmkdir,
            .trenameat, .tunlinkat, .twrite, .tremove:
            true
        default: false
        }
    }
}

/// Numbers of the protocol.
package enum Protocol9P {
    /// size[4] type[1] tag[2] in front of every message.
    package static let headerSize = 7
    /// Header and count[4] in front of the data of Rread and Rreaddir.
    package static let readHeaderSize = 11
    /// The largest number of names in one Twalk (walk(5), MAXWELEM).
    package static let maximumWalkNames = 16
    package static let version: StaticString = "9P2000.L"
    package static let noTag: UInt16 = 0xffff
    package static let noFid: UInt32 = 0xffff_ffff
}

/// Bits of Tgetattr's request mask and Rgetattr's valid mask (P9_STATS_*).
package enum AttributeMask {
    /// mode, nlink, uid, gid, rdev, atime, mtime, ctime, ino, size, blocks (P9_STATS_BASIC).
    package static let basic: UInt64 = 0x7ff
    static let mode: UInt64 = 0x1
    static let linkCount: UInt64 = 0x2
    static let uid: UInt64 = 0x4
    static let gid: UInt64 = 0x8
    static let device: UInt64 = 0x10
    static let accessed: UInt64 = 0x20
    static let modified: UInt64 = 0x40
    static let changed: UInt64 = 0x80
    static let size: UInt64 = 0x200
    static let blocks: UInt64 = 0x400
    static let born: UInt64 = 0x800
    static let generation: UInt64 = 0x1000
    static let dataVersion: UInt64 = 0x2000
}

/// Bits of Tsetattr's valid mask (P9_ATTR_*).
enum SetAttributeMask {
    static let mode: UInt32 = 0x1
    static let uid: UInt32 = 0x2
    static let gid: UInt32 = 0x4
    static let size: UInt32 = 0x8
    /// Without `accessedGiven`, the server's time.
    static let accessed: UInt32 = 0x10
    static let modified: UInt32 = 0x20
    static let changed: UInt32 = 0x40
    static let accessedGiven: UInt32 = 0x80
    static let modifiedGiven: UInt32 = 0x100
}
