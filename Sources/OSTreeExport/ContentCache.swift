import ByteStream
import CLinux
import NinePServer
import OSTree
import Synchronization
import SystemIO
import SystemPackage

/// Content of file objects, ready to be read at any offset.
///
/// Compressed objects are inflated and checked once, small ones into an array, others into a file
/// without a name from which a carrier can copy; both stay while the cache has room. Objects that are
/// stored plain are read where they are.
final class ContentCache: Sendable {
    /// Inflated objects up to this many bytes are kept as bytes: a descriptor each would be too many.
    static let smallLimit: UInt64 = 64 << 10
    /// Above this, the file without a name is on a disk, not in memory.
    static let memoryLimit: UInt64 = 64 << 20

    private let repository: Repository
    /// Apart, so that a walk through many small files does not push out the large ones.
    private let small: BoundedCache<Checksum, ContentSlot>
    private let large: BoundedCache<Checksum, ContentSlot>

    /// - Parameters:
    ///   - limit: bytes of inflated content to keep, a quarter of them for small objects.
    ///   - descriptorLimit: how many objects that are not small.
    init(repository: Repository, limit: Int, descriptorLimit: Int) {
        self.repository = repository
        small = BoundedCache(costLimit: limit / 4)
        large = BoundedCache(costLimit: limit / 4 * 3, countLimit: descriptorLimit)
    }

    var usage: (cost: Int, count: Int) {
        let (few, many) = (large.usage, small.usage)
        return (few.cost + many.cost, few.count + many.count)
    }

    /// Whether `content(of:)` takes no longer than a system call or two: the object is small, or
    /// stored plain, or in the cache.
    func isQuick(_ checksum: Checksum, size: UInt64) -> Bool {
        size <= Self.smallLimit || repository.mode != .archive || large.value(checksum) != nil
    }

    func content(of checksum: Checksum) throws(OSTreeError) -> Content {
        if let slot = small.value(checksum) ?? large.value(checksum) {
            return try slot.content(repository)
        }
        let object = try repository.openFile(checksum)
        if let file = object.plainFile { return .file(file, size: object.info.size) }
        let size = object.info.size
        let slots = size <= ContentCache.smallLimit ? small : large
        // What a slot takes besides its bytes: the figure matters for empty files only.
        let slot = slots.insert(
            checksum,
            ContentSlot(checksum),
            cost: Int(clamping: size) + 256
        )
        return try slot.content(repository)
    }
}

/// Where an object's content is.
enum Content: Sendable {
    case bytes([UInt8])
    case file(SharedFD, size: UInt64)

    func data(at offset: UInt64, count: Int) -> FileData {
        let size: UInt64 =
            switch self {
            case .bytes(let bytes): UInt64(bytes.count)
            case .file(_, let size): size
            }
        guard offset < size, count > 0 else { return .end }
        let length = Int(min(UInt64(count), size - offset))
        switch self {
        case .bytes(let bytes):
            return .bytes(bytes[Int(offset)..<Int(offset) + length])
        case .file(let file, _):
            return .slice(FileSlice(file: file, offset: Int64(offset), count: length))
        }
    }
}

/// One object in the cache. The first reader inflates it; others wait for it.
private final class ContentSlot: Sendable {
    private let checksum: Checksum
    private let state = Mutex<Content?>(nil)

    init(_ checksum: Checksum) { self.checksum = checksum }

    func content(_ repository: Repository) throws(OSTreeError) -> Content {
        try state.withLock { state throws(OSTreeError) in
            if let content = state { return content }
            let content = try Self.inflate(try repository.openFile(checksum))
            state = content
            return content
        }
    }

    private static func inflate(_ object: FileObject) throws(OSTreeError) -> Content {
        if object.info.size <= ContentCache.smallLimit {
            return .bytes(try object.content(verify: true))
        }
        let file: SharedFD
        let mapping: FileMapping
        do throws(Errno) {
            file = try anonymousFile(size: object.info.size)
            mapping = try FileMapping(
                file.rawValue,
                count: Int(object.info.size),
                writable: true
            )
        } catch {
            throw object.unreadable(error)
        }
        // SAFETY: the mapping covers the whole file and nobody else has it yet.
        try unsafe object.copyContent(into: mapping.mutableBytes, verify: true)
        return .file(file, size: object.info.size)
    }

    private static func anonymousFile(size: UInt64) throws(Errno) -> SharedFD {
        let file = try size > ContentCache.memoryLimit ? diskFile() : memoryFile()
        let descriptor = file.rawValue
        // Reserved now: a full disk is an error here, but a signal (SIGBUS) in a mapping.
        try syscall { fallocate(descriptor, 0, 0, Int(size)) }
        return file
    }

    private static func memoryFile() throws(Errno) -> SharedFD {
        let descriptor = try syscall { unsafe memfd_create("object", UInt32(MFD_CLOEXEC)) }
        return SharedFD(OwnedFD(descriptor))
    }

    private static func diskFile() throws(Errno) -> SharedFD {
        let folder = environmentValue("TMPDIR") ?? "/var/tmp"
        do throws(Errno) {
            return SharedFD(
                try OwnedFD.open(FilePath(folder), O_TMPFILE | O_RDWR, mode: 0o600)
            )
        } catch {
            // Not every file system has files without a name.
            return try memoryFile()
        }
    }
}
