/// A pack: OSTree objects one after another, ready to be written into a bare repository.
///
/// All integers are little-endian.
///
///     header    48 bytes
///         8  magic "BLDPACK\n"
///         4  version
///         4  0
///         8  number of objects
///         8  bytes of the whole pack, header and trailer included
///         8  bytes of content in it
///         4  CRC-32C of the 40 bytes before
///         4  0
///     record    for each object, at a multiple of 8 bytes
///         4  length of the head, up to the padding
///         1  kind of the object (`OstreeObjectType`)
///         3  0
///         4  mode, as st_mode; 0 for metadata objects, as are the following
///         4  uid
///         4  gid
///         4  length of the symbolic link's target
///         8  length of the content
///        32  SHA-256
///         4  number of extended attributes
///         n  target
///         n  attributes: lengths of name and value (4 bytes each), name, value
///            zeros up to a multiple of 8 bytes, of 4096 bytes before content of 64 KiB or more
///         n  content
///            zeros up to a multiple of 8 bytes
///     trailer   a record of 24 bytes and kind 0
///         8  length and kind as above
///         8  number of objects
///         4  CRC-32C of all heads
///         4  0
///
/// The commit is the last object. A sender that cannot go on writes, where a record may begin, a
/// record of kind 255 whose head holds the reason as UTF-8, and ends.
///
/// Content has no checksum here: it never leaves the machine, the sender has checked every object's
/// SHA-256, and in an emulated receiver a CRC would cost more than the writing.
package enum PackFormat {
    package static let magic = Array("BLDPACK\n".utf8)
    package static let version: UInt32 = 1
    package static let headerLength = 48
    static let fixedHeadLength = 68
    static let trailerLength = 24

    /// Content from this length on begins at a multiple of `pageSize`.
    static let alignedContentLength: UInt64 = 64 << 10
    static let pageSize: UInt64 = 4096
    static let recordAlignment: UInt64 = 8

    /// Longest head: far more attributes than any file system holds.
    static let maximumHead = 1 << 20

    static let trailerKind: UInt8 = 0
    static let abortKind: UInt8 = 255

    /// Zeros needed behind `position` to reach a multiple of `alignment`, a power of two.
    static func padding(after position: UInt64, to alignment: UInt64) -> Int {
        Int((alignment &- (position & (alignment &- 1))) & (alignment &- 1))
    }

    static func contentAlignment(_ length: UInt64) -> UInt64 {
        length >= alignedContentLength ? pageSize : recordAlignment
    }
}

/// What a pack says about itself before its first object.
package struct PackHeader: Equatable, Sendable {
    package var objectCount: UInt64
    /// Of the whole pack.
    package var totalBytes: UInt64
    package var contentBytes: UInt64
}

/// Why a pack could not be made or read.
package enum PackError: Error, Equatable, Sendable, CustomStringConvertible {
    case notAPack
    case unsupportedVersion(UInt32)
    case damaged(String)
    case truncated
    /// The sender gave up, and says why.
    case aborted(String)

    package var description: String {
        switch self {
        case .notAPack: "not a pack"
        case .unsupportedVersion(let version): "pack of version \(version)"
        case .damaged(let reason): "damaged pack: \(reason)"
        case .truncated: "the pack ends early"
        case .aborted(let reason): "the sender gave up: \(reason)"
        }
    }
}
