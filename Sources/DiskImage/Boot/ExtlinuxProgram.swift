/// What extlinux installs, taken out of its executable: the boot sector, `ldlinux.sys` and
/// `ldlinux.c32` are data in it, and Debian ships the first two nowhere else.
package struct ExtlinuxProgram: Sendable {
    package let bootSector: [UInt8]
    /// `ldlinux.sys` before it is told where it lies.
    package let loader: [UInt8]
    /// `ldlinux.c32`, which the loader reads through the file system.
    package let module: [UInt8]

    package enum Problem: Error, Equatable {
        /// The file is not a 64-bit little-endian ELF executable, or holds no such part.
        case notFound(part: String)
        case pathTooLong(bytes: Int)
        /// `ldlinux.sys` lies in more pieces than its map has room for.
        case tooManyExtents(count: Int)
    }

    /// - Parameter executable: the file `extlinux` (version 6), for x86-64.
    package init(executable: [UInt8]) throws(Problem) {
        guard let loader = Self.loader(executable) else { throw .notFound(part: "ldlinux.sys") }
        guard let sector = Self.bootSector(executable) else { throw .notFound(part: "boot sector") }
        guard let module = Self.module(executable, outside: loader) else {
            throw .notFound(part: "ldlinux.c32")
        }
        self.loader = Array(executable[loader])
        self.bootSector = Array(executable[sector])
        self.module = Array(executable[module])
    }

    // MARK: Finding

    static let magic: [UInt8] = [0xfe, 0x02, 0xb2, 0x3e]

    /// It begins with a banner, has its patch area soon after, and is a whole number of sectors;
    /// its length is a constant of the executable.
    private static func loader(_ file: [UInt8]) -> Range<Int>? {
        for start in occurrences(of: Array("\r\nSYSLINUX ".utf8), in: file) {
            guard let magicAt = magicOffset(file[start...].prefix(128)),
                let section = section(containing: start, in: file)
            else { continue }
            let patch = start + magicAt
            guard patch + 24 <= file.count else { continue }
            let extended = Int(file.getLE(UInt16.self, at: patch + 22))
            let lengths = lengthConstants(file, atMost: section.upperBound - start)
            guard let length = lengths.max(), extended > 0, extended + 24 <= length else {
                continue
            }
            return start..<(start + length)
        }
        return nil
    }

    /// Where the patch area begins: a word on a boundary of four from the start.
    static func magicOffset(_ image: ArraySlice<UInt8>) -> Int? {
        for at in stride(from: image.startIndex, to: image.endIndex - 3, by: 4)
        where image[at..<(at + 4)].elementsEqual(magic) {
            return at - image.startIndex
        }
        return nil
    }

    private static func lengthConstants(_ file: [UInt8], atMost most: Int) -> [Int] {
        stride(from: 0, to: file.count - 3, by: 4).lazy
            .map { Int(file.getLE(UInt32.self, at: $0)) }
            .filter { $0 % 512 == 0 && $0 >= 16_384 && $0 <= most }
    }

    private static func bootSector(_ file: [UInt8]) -> Range<Int>? {
        for at in occurrences(of: Array("SYSLINUX".utf8), in: file) {
            let start = at - 3
            guard start >= 0, start + 512 <= file.count, file[start] == 0xeb,
                file[start + 2] == 0x90, file.getLE(UInt16.self, at: start + 510) == 0xaa55
            else { continue }
            return start..<(start + 512)
        }
        return nil
    }

    /// A 32-bit ELF file, which ends with its section headers.
    private static func module(_ file: [UInt8], outside loader: Range<Int>) -> Range<Int>? {
        for start in occurrences(of: [0x7f, 0x45, 0x4c, 0x46, 1, 1], in: file)
        where !loader.contains(start) && start + 52 <= file.count {
            let table = Int(file.getLE(UInt32.self, at: start + 0x20))
            let size = Int(file.getLE(UInt16.self, at: start + 0x2e))
            let count = Int(file.getLE(UInt16.self, at: start + 0x30))
            let end = start + table + size * count
            if count > 0, end <= file.count { return start..<end }
        }
        return nil
    }

    private static func occurrences(of pattern: [UInt8], in file: [UInt8]) -> [Int] {
        guard file.count >= pattern.count else { return [] }
        return (0...(file.count - pattern.count)).filter { at in
            file[at] == pattern[0] && file[at..<(at + pattern.count)].elementsEqual(pattern)
        }
    }

    /// The file range of the ELF section that an offset of the file lies in.
    private static func section(containing offset: Int, in file: [UInt8]) -> Range<Int>? {
        guard file.count >= 64, file.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2, 1]) else {
            return nil
        }
        let table = Int(clamping: file.getLE(UInt64.self, at: 0x28))
        let size = Int(file.getLE(UInt16.self, at: 0x3a))
        let count = Int(file.getLE(UInt16.self, at: 0x3c))
        guard size >= 64, table <= file.count, size * count <= file.count - table else {
            return nil
        }
        for i in 0..<count {
            let header = table + i * size
            let start = Int(clamping: file.getLE(UInt64.self, at: header + 0x18))
            let length = Int(clamping: file.getLE(UInt64.self, at: header + 0x20))
            // Type 8 takes no room in the file.
            guard file.getLE(UInt32.self, at: header + 4) != 8, start <= offset,
                length <= file.count, start <= file.count - length, offset < start + length
            else { continue }
            return start..<(start + length)
        }
        return nil
    }
}
