import CLinux
import NinePServer
import OSTree
import SystemIO
import SystemPackage

/// Content of file objects, ready to be read at any offset.
///
/// Nobody keeps what is found here for longer than a read takes, so that all of it can go however many
/// files are open, and is had again by its checksum.
///
/// Compressed objects are inflated and checked whole, small ones into an array, others into a file
/// without a name from which a carrier can copy; both stay while the cache has room. Objects that are
/// stored plain are read where they are; those opened last stay open.
final class ContentCache: Sendable {
    enum Place {
        case bytes([UInt8])
        /// A reply may hold the file until it is sent.
        case file(SharedFD)
        /// It may not: what is read has to be copied.
        case crowdedFile(SharedFD)
    }

    /// Inflated objects up to this many bytes are kept as bytes: a descriptor each would be too many.
    static let smallLimit: UInt64 = 64 << 10
    /// Above this, the file without a name is on a disk, not in memory. A small part of the cache, so
    /// that many can be read at a time.
    private static let memoryLimit: UInt64 = 16 << 20

    /// Open files of objects that are stored plain.
    let plain: DescriptorBudget
    private let repository: Repository
    /// Apart, so that a walk through many small files does not push out the large ones.
    private let small: BoundedCache<Checksum, [UInt8]>
    private let inMemory: InflatedFiles
    private let onDisk: InflatedFiles
    /// The disk's folder; nil where there is none for files without a name, and all go to memory.
    private let folder: FilePath?
    /// Where the descriptors are from, and how many.
    private let budget: DescriptorBudget
    private let share: Int

    /// - Parameters:
    ///   - limit: bytes of inflated content to keep in memory, a quarter of them for small objects;
    ///     sixteen times as much may be on a disk.
    ///   - descriptorLimit: how many of the budget's descriptors to use at most.
    init(repository: Repository, limit: Int, budget: DescriptorBudget, descriptorLimit: Int) {
        self.repository = repository
        self.budget = budget
        share = budget.reserve(upTo: descriptorLimit)
        // Objects of the other sort can only come from a parent repository.
        let few = share / 4
        let isArchive = repository.mode == .archive
        plain = DescriptorBudget(limit: isArchive ? few : share - few)
        let files = isArchive ? share - few : few
        small = BoundedCache(costLimit: limit / 4)
        inMemory = InflatedFiles(sizeLimit: limit / 4 * 3, countLimit: files - files / 4)
        onDisk = InflatedFiles(sizeLimit: limit * 16, countLimit: files / 4)
        let folder = FilePath(environmentValue("TMPDIR") ?? "/var/tmp")
        self.folder = (try? Self.makeFile(in: folder)) == nil ? nil : folder
    }

    deinit { budget.giveBack(share) }

    /// Of what is in memory.
    var usage: (cost: Int, count: Int) {
        let (few, many) = (inMemory.usage, small.usage)
        return (few.cost + many.cost, few.count + many.count)
    }

    /// Closes what is idle, as the process or the system has no descriptors left.
    func closeIdle() {
        plain.closeIdle()
        inMemory.closeIdle()
        onDisk.closeIdle()
        budget.closeIdle()
    }

    /// Where the content of an object is now.
    /// - Parameters:
    ///   - size: as the object's `FileInfo` has it.
    ///   - ticket: keeps an object open that is stored plain.
    ///   - atOnce: nil rather than take longer than a few system calls, or inflating a small object.
    func place(
        of checksum: Checksum,
        size: UInt64,
        _ ticket: borrowing DescriptorTicket,
        atOnce: Bool
    ) throws(OSTreeError) -> Place? {
        if let file = plain.current(ticket) { return place(plain: file) }
        let isSmall = size <= Self.smallLimit
        let files = size > Self.memoryLimit && folder != nil ? onDisk : inMemory
        if isSmall {
            if let bytes = small.value(checksum) { return .bytes(bytes) }
        } else if let found = files.finished(checksum) {
            return Self.place(found)
        }
        if let file = try repository.openPlainFile(checksum) {
            plain.hold(file, under: ticket)
            return place(plain: file)
        }
        if isSmall {
            let bytes = try repository.openFile(checksum).content(verify: true)
            // What an array takes besides its bytes: the figure matters for empty files only.
            return .bytes(small.insert(checksum, bytes, cost: bytes.count + 256))
        }
        if atOnce { return nil }
        return Self.place(
            try files.file(checksum, size: Int(clamping: size)) { () throws(OSTreeError) in
                try inflate(try repository.openFile(checksum), size: size, files === onDisk)
            }
        )
    }

    private func place(plain file: SharedFD) -> Place {
        plain.isStrained ? .crowdedFile(file) : .file(file)
    }

    private static func place(_ found: InflatedFiles.Found) -> Place {
        found.mayBeHeld ? .file(found.file) : .crowdedFile(found.file)
    }

    private func inflate(
        _ object: FileObject,
        size: UInt64,
        _ isOnDisk: Bool
    ) throws(OSTreeError) -> SharedFD {
        let file: SharedFD
        let mapping: FileMapping
        do throws(Errno) {
            file =
                if isOnDisk, let folder { try Self.makeFile(in: folder) } else {
                    try makeMemoryFile("object")
                }
            // Reserved now: a full disk is an error here, but a signal (SIGBUS) in a mapping.
            mapping = try file.withRawValue { (descriptor) throws(Errno) in
                try syscall { fallocate(descriptor, 0, 0, off_t(clamping: size)) }
                return try FileMapping(descriptor, count: Int(clamping: size), writable: true)
            }
        } catch {
            throw object.unreadable(error)
        }
        // SAFETY: the mapping covers the whole file and nobody else has it yet.
        try unsafe object.copyContent(into: mapping.mutableBytes, verify: true)
        return file
    }

    private static func makeFile(in folder: FilePath) throws(Errno) -> SharedFD {
        SharedFD(try OwnedFD.open(folder, O_TMPFILE | O_RDWR, mode: 0o600))
    }
}
