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
/// stored plain are read where they are; those opened last stay open.
final class ContentCache: Sendable {
    /// Inflated objects up to this many bytes are kept as bytes: a descriptor each would be too many.
    static let smallLimit: UInt64 = 64 << 10
    /// Above this, the file without a name is on a disk, not in memory.
    static let memoryLimit: UInt64 = 64 << 20

    private let repository: Repository
    /// Apart, so that a walk through many small files does not push out the large ones.
    private let small: BoundedCache<Checksum, ContentSlot>
    private let large: BoundedCache<Checksum, ContentSlot>
    /// Open files of objects that are stored plain.
    private let plain: BoundedCache<Checksum, Content>

    /// - Parameters:
    ///   - limit: bytes of inflated content to keep, a quarter of them for small objects.
    ///   - descriptorLimit: how many objects that are not small, and how many that are stored plain.
    init(repository: Repository, limit: Int, descriptorLimit: Int) {
        self.repository = repository
        small = BoundedCache(costLimit: limit / 4)
        large = BoundedCache(costLimit: limit / 4 * 3, countLimit: descriptorLimit)
        plain = BoundedCache(costLimit: 0, countLimit: descriptorLimit)
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

    /// - Parameter size: of the content, as the object's `FileInfo` has it.
    func content(of checksum: Checksum, size: UInt64) throws(OSTreeError) -> Content {
        let slots = size <= ContentCache.smallLimit ? small : large
        if let known = slots.value(checksum) { return try known.content(repository) }
        if let known = plain.value(checksum) { return known }
        if let file = try repository.openPlainFile(checksum) {
            return plain.insert(checksum, Content(.file(file), size: size), cost: 0)
        }
        // What a slot takes besides its bytes: the figure matters for empty files only.
        let cost = Int(clamping: size) + 256
        return try slots.insert(checksum, ContentSlot(checksum), cost: cost).content(repository)
    }
}

/// Where an object's content is: an open file, which stays whether or not the cache still has it.
final class Content: OpenFile {
    enum Place {
        case bytes([UInt8])
        case file(SharedFD)
    }

    private let place: Place
    private let size: UInt64

    init(_ place: Place, size: UInt64) {
        self.place = place
        self.size = size
    }

    func data(at offset: UInt64, count: Int) -> FileData {
        guard offset < size, count > 0 else { return .end }
        let length = Int(min(UInt64(count), size - offset))
        switch place {
        case .bytes(let bytes):
            return .bytes(bytes[Int(offset)..<Int(offset) + length])
        case .file(let file):
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
            return Content(.bytes(try object.content(verify: true)), size: object.info.size)
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
        return Content(.file(file), size: object.info.size)
    }

    private static func anonymousFile(size: UInt64) throws(Errno) -> SharedFD {
        let file = try size > ContentCache.memoryLimit ? diskFile() : makeMemoryFile("object")
        let descriptor = file.rawValue
        // Reserved now: a full disk is an error here, but a signal (SIGBUS) in a mapping.
        try syscall { fallocate(descriptor, 0, 0, Int(size)) }
        return file
    }

    private static func diskFile() throws(Errno) -> SharedFD {
        let folder = environmentValue("TMPDIR") ?? "/var/tmp"
        do throws(Errno) {
            return SharedFD(
                try OwnedFD.open(FilePath(folder), O_TMPFILE | O_RDWR, mode: 0o600)
            )
        } catch {
            // Not every file system has files without a name.
            return try makeMemoryFile("object")
        }
    }
}
