import CLinux
import SystemIO
import SystemPackage

/// Goes through a tree as programs do, by descriptors of its folders, and counts what it sees.
struct TreeReader {
    let readsContent: Bool
    let isChecking: Bool
    private(set) var figures = GuestFigures()
    private var buffer: [UInt8]

    private static let bufferSize = 1 << 20

    init(readsContent: Bool, isChecking: Bool) {
        self.readsContent = readsContent
        self.isChecking = isChecking
        buffer = Array(repeating: 0, count: Self.bufferSize)
    }

    /// A folder with all that is below it, itself apart. The C functions are `fdopendir`, `readdir`
    /// and `fstatat`.
    mutating func visit(folder: consuming OwnedFD) throws(Errno) {
        // The stream's own copy: closing it closes that.
        let duplicate = try syscall { dup(folder.rawValue) }
        guard let stream = unsafe fdopendir(duplicate) else {
            close(duplicate)
            throw Errno(rawValue: clinux_errno())
        }
        defer { unsafe closedir(stream) }
        while let entry = unsafe readdir(stream) {
            // SAFETY: d_name is NUL-terminated and valid until the next `readdir`.
            try unsafe withUnsafePointer(to: &entry.pointee.d_name) { (field) throws(Errno) in
                try unsafe field.withMemoryRebound(to: CChar.self, capacity: 256) {
                    (name) throws(Errno) in
                    if unsafe strcmp(name, ".") == 0 || strcmp(name, "..") == 0 { return }
                    try unsafe visit(name, in: folder.rawValue)
                }
            }
        }
    }

    private mutating func visit(
        _ name: UnsafePointer<CChar>,
        in folder: CInt
    ) throws(Errno) {
        var status = stat()
        try syscall { unsafe fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) }
        switch CInt(bitPattern: status.st_mode) & S_IFMT {
        case S_IFDIR:
            figures.operations += 1
            let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC
            try visit(
                folder: OwnedFD(try syscall { unsafe clinux_openat(folder, name, flags, 0) })
            )
        case S_IFREG where readsContent:
            let file = OwnedFD(
                try syscall { unsafe clinux_openat(folder, name, O_RDONLY | O_CLOEXEC, 0) }
            )
            try read(file)
        default:
            figures.operations += 1
            figures.bytes += UInt64(clamping: status.st_size)
        }
    }

    /// A file to its end. The C function is `read`.
    mutating func read(_ file: borrowing OwnedFD) throws(Errno) {
        figures.operations += 1
        let descriptor = file.rawValue
        var count = Self.bufferSize
        while count == Self.bufferSize {
            count = 0
            // Filled up, so that sums do not depend on how reads are cut.
            while count < Self.bufferSize {
                let more = try syscall {
                    unsafe buffer.withUnsafeMutableBytes {
                        unsafe CLinux.read(descriptor, $0.baseAddress! + count, $0.count - count)
                    }
                }
                if more == 0 { break }
                count += more
            }
            figures.bytes += UInt64(count)
            if isChecking { add(count) }
        }
    }

    private mutating func add(_ count: Int) {
        let words = (count + 7) / 8
        for index in count..<words * 8 { buffer[index] = 0 }
        let sum = unsafe buffer.withUnsafeBytes { bytes in
            (0..<words).reduce(UInt64(0)) { sum, word in
                unsafe sum &+ bytes.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self)
            }
        }
        figures.sum &+= sum
    }
}
