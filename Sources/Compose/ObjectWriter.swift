import DiskImage
import OSTree
import Synchronization
import SystemIO
import SystemPackage

/// One thread's way from objects to the image. Small contents that lie one after another on the disk are
/// read into one piece of memory as they will lie there, and written at once.
@safe struct ObjectWriter: ~Copyable {
    private let repository: Repository
    private let tree: CommitTree
    private let places: ContentPlaces
    var image: ImageWriter
    private var buffer = ContentBuffer()

    /// Held by the thread that holds a file larger than the others may.
    private let room: RoomForOne

    /// Larger files are not held whole by every thread, and by none.
    private static let wholeFile: UInt64 = 8 << 20
    private static let largestWholeFile: UInt64 = 48 << 20
    private static let pieceOfFile = 1 << 20
    private static let block = 4096
    /// Smaller ones are read, whatever the repository.
    private static let copiedFile = 64 << 10

    init(
        repository: Repository,
        tree: CommitTree,
        places: ContentPlaces,
        image: ImageFile,
        room: RoomForOne
    ) {
        self.room = room
        self.repository = repository
        self.tree = tree
        self.places = places
        self.image = ImageWriter(image)
    }

    /// Reads, checks and writes objects that follow one another in the order of writing.
    /// - Returns: the bytes of their contents.
    mutating func write(_ numbers: ArraySlice<UInt32>) throws(ComposeError) -> UInt64 {
        if let only = numbers.first, numbers.count == 1 {
            let size = tree.size(ofObject: Int(only))
            if size > Self.wholeFile { return try writeLarge(Int(only), size) }
        }
        return try writeWhole(numbers)
    }

    /// One thread at a time may hold a larger file, since that is twice as fast.
    private mutating func writeLarge(_ number: Int, _ size: UInt64) throws(ComposeError) -> UInt64 {
        if size <= Self.largestWholeFile, room.take() {
            defer {
                // Its memory first.
                _ = unsafe buffer.bytes(count: 0)
                room.giveBack()
            }
            return try writeWhole([UInt32(number)])
        }
        return try stream(number)
    }

    private mutating func writeWhole(_ numbers: ArraySlice<UInt32>) throws(ComposeError) -> UInt64 {
        let room = numbers.reduce(0) { $0 + Self.padded(tree.size(ofObject: Int($1))) }
        let memory = unsafe buffer.bytes(count: room)
        var gathered = Gathered()
        var total: UInt64 = 0
        var filled = 0
        for number in numbers.lazy.map({ Int($0) }) {
            let size = tree.size(ofObject: number)
            let piece = filled..<(filled + Int(clamping: size))
            filled += Self.padded(size)
            let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[piece])
            let written = try unsafe load(number, into: bytes)
            // The rest of a file's last block is its own, and zero.
            unsafe UnsafeMutableRawBufferPointer(rebasing: memory[piece.upperBound..<filled])
                .initializeMemory(as: UInt8.self, repeating: 0)
            try unsafe place(
                UnsafeRawBufferPointer(memory),
                piece,
                number,
                written: written,
                paddedEnd: filled,
                &gathered
            )
            total += size
        }
        try unsafe flush(UnsafeRawBufferPointer(memory), &gathered)
        return total
    }

    private static func padded(_ size: UInt64) -> Int {
        (Int(clamping: size) + block - 1) / block * block
    }

    /// The contents of one object, checked.
    /// - Returns: how many of its runs are in the image already, from the first on.
    private mutating func load(
        _ number: Int,
        into bytes: UnsafeMutableRawBufferPointer
    ) throws(ComposeError) -> Int {
        switch tree.object(number) {
        case .file(let index):
            let object = try reading { () throws(OSTreeError) in
                try repository.openFile(tree.files[index])
            }
            if bytes.count >= Self.copiedFile, let file = object.plainFile {
                let runs = try unsafe copy(file, number, into: bytes)
                if runs > 0 {
                    try reading { () throws(OSTreeError) in
                        try unsafe object.check(UnsafeRawBufferPointer(bytes))
                    }
                    return runs
                }
            }
            try reading { () throws(OSTreeError) in
                try unsafe object.copyContent(into: bytes, verify: true)
            }
        case .metadata(let name, _):
            let content = try reading { () throws(OSTreeError) in
                try repository.metadataBytes(name)
            }
            // As many bytes as when the tree was read: they have the same checksum.
            unsafe bytes.copyBytes(from: content)
        }
        return 0
    }

    /// Has the kernel copy a file of a bare repository to the object's first place, unless the file is in
    /// memory: then it is faster to write what has been read for checking. `bytes` is read from the image.
    /// - Returns: the runs that were copied; 0 if none.
    private mutating func copy(
        _ file: SharedFD,
        _ number: Int,
        into bytes: UnsafeMutableRawBufferPointer
    ) throws(ComposeError) -> Int {
        // Where it cannot be found out, the way that always works.
        guard (try? isInMemory(file.rawValue)) == false else { return 0 }
        var end: UInt64 = 0
        var count = 0
        for (run, base) in places.runs(of: number) where end < bytes.count {
            guard run.fileOffset == end else { return 0 }
            end += run.length
            let part = unsafe bytes[Int(clamping: run.fileOffset)..<Int(clamping: end)]
            let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: part)
            let isCopied = try unsafe image.copy(
                file,
                from: run.fileOffset,
                to: base + run.offset,
                readingInto: piece
            )
            guard isCopied else { return 0 }
            count += 1
        }
        return count
    }

    // MARK: Writing

    /// A range of the memory that is to be written in one piece.
    private struct Gathered {
        /// Of the disk.
        var offset: UInt64 = 0
        var range = 0..<0
    }

    /// Adds the object's first place to what was gathered, if it follows; writes the others.
    /// - Parameter written: how many of its runs need not be written any more.
    private mutating func place(
        _ memory: UnsafeRawBufferPointer,
        _ piece: Range<Int>,
        _ number: Int,
        written: Int,
        paddedEnd: Int,
        _ gathered: inout Gathered
    ) throws(ComposeError) {
        var isFirst = written == 0
        for (run, base) in places.runs(of: number).dropFirst(written) {
            let offset = base + run.offset
            if isFirst, run.length == piece.count {
                if gathered.range.upperBound == piece.lowerBound,
                    gathered.offset + UInt64(gathered.range.count) == offset
                {
                    gathered.range = gathered.range.lowerBound..<paddedEnd
                } else {
                    try unsafe flush(memory, &gathered)
                    gathered = Gathered(offset: offset, range: piece.lowerBound..<paddedEnd)
                }
            } else {
                let start = piece.lowerBound + Int(clamping: run.fileOffset)
                let part = unsafe memory[start..<(start + Int(clamping: run.length))]
                try unsafe image.write(UnsafeRawBufferPointer(rebasing: part), at: offset)
            }
            isFirst = false
        }
    }

    private mutating func flush(
        _ memory: UnsafeRawBufferPointer,
        _ gathered: inout Gathered
    ) throws(ComposeError) {
        let piece = unsafe UnsafeRawBufferPointer(rebasing: memory[gathered.range])
        try unsafe image.write(piece, at: gathered.offset)
        gathered = Gathered()
    }

    /// A file that is not to be held whole. It is only known to be sound when all of it is written;
    /// then a corrupt one fails the disk as well.
    private mutating func stream(_ number: Int) throws(ComposeError) -> UInt64 {
        var reader = try reading { () throws(OSTreeError) in
            try ContentReader(repository.openFile(tree.files[number]), verify: true)
        }
        let bytes = unsafe buffer.bytes(count: Self.pieceOfFile)
        let runs = places.runs(of: number)
        var position: UInt64 = 0
        while true {
            let count = try reading { () throws(OSTreeError) in
                try unsafe reader.read(into: bytes)
            }
            if count == 0 { return position }
            let wanted = position..<(position + UInt64(count))
            for (run, base) in runs {
                let part = wanted.clamped(to: run.fileOffset..<(run.fileOffset + run.length))
                guard !part.isEmpty else { continue }
                let start = Int(clamping: part.lowerBound - position)
                let piece = unsafe bytes[start..<(start + part.count)]
                try unsafe image.write(
                    UnsafeRawBufferPointer(rebasing: piece),
                    at: base + run.offset + part.lowerBound - run.fileOffset
                )
            }
            position += UInt64(count)
        }
    }
}

/// Something that one thread at a time may have.
final class RoomForOne: Sendable {
    private let isTaken = Atomic(false)

    /// Whether the caller has it now.
    func take() -> Bool { !isTaken.exchange(true, ordering: .acquiring) }
    func giveBack() { isTaken.store(false, ordering: .releasing) }
}
