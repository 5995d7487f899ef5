import CLinux
import SystemIO
import SystemPackage

/// One file of the tree that is served.
struct TreeFile {
    /// Its names from the top.
    let path: [[UInt8]]
    /// In bytes.
    let size: Int
}

/// A tree like that of a small Debian system: 14,000 files of 750 MB in 1,000 folders, one of them
/// large. The same bytes on every machine.
struct BenchTree {
    static let fileCount = 14_000
    static let folderCount = 1_000
    static let largeSize = 256 << 20
    static let smallFilesSize = 494 << 20

    let path: FilePath
    let large: TreeFile
    let files: [TreeFile]
    let folders: [[[UInt8]]]

    /// Makes the tree unless a whole one is there: that carries a mark beside it.
    init(at path: FilePath) throws {
        self.path = path
        large = TreeFile(path: [Array("large".utf8)], size: Self.largeSize)
        let sizes = Self.sizes()
        files = sizes.indices.map { index in
            let names = Self.folder(index % Self.folderCount) + ["file-\(index)"]
            return TreeFile(path: names.map { Array($0.utf8) }, size: sizes[index])
        }
        folders = (0..<Self.folderCount).map { Self.folder($0).map { Array($0.utf8) } }
        let mark = FilePath("\(path).whole-1")
        if fileExists(mark) { return }
        removeTree(path)
        try makeDirectories(path)
        for folder in folders { try makeDirectories(Self.join(path, folder)) }
        var random = Random(seed: 1)
        for file in [large] + files { try Self.write(file, below: path, &random) }
        try writeFileAtomically(mark, [])
    }

    /// Three levels, as /usr/share/doc has.
    private static func folder(_ number: Int) -> [String] {
        ["part-\(number % 10)", "group-\(number / 10 % 10)", "folder-\(number)"]
    }

    /// From some 80 bytes to 300 KB, half of them under 5 KB: logarithms that are evenly spread, scaled
    /// to the sum.
    private static func sizes() -> [Int] {
        var random = Random(seed: 2)
        let raw = (0..<fileCount).map { _ -> Double in
            let exponent = Double(random.next() % 1000) / 1000
            return powerOfTwo(exponent * 12)
        }
        let scale = Double(smallFilesSize) / raw.reduce(0, +)
        return raw.map { Int($0 * scale) }
    }

    /// 2 to a power between 0 and 62, in linear pieces between the whole ones: the same everywhere.
    private static func powerOfTwo(_ exponent: Double) -> Double {
        let whole = Int(exponent)
        return Double(1 << whole) * (1 + exponent - Double(whole))
    }

    private static func join(_ folder: FilePath, _ names: [[UInt8]]) -> FilePath {
        names.reduce(folder) { $0.appending(String(decoding: $1, as: UTF8.self)) }
    }

    func filePath(_ file: TreeFile) -> FilePath { Self.join(path, file.path) }

    private static func write(
        _ file: TreeFile,
        below folder: FilePath,
        _ random: inout Random
    ) throws {
        let target = try OwnedFD.open(join(folder, file.path), O_WRONLY | O_CREAT | O_TRUNC)
        var left = file.size
        while left > 0 {
            let piece = random.bytes(count: min(left, 1 << 20))
            try writeAll(target.rawValue, piece)
            left -= piece.count
        }
    }
}

/// Xorshift: bytes that no compressing file system can save on.
private struct Random {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }

    mutating func bytes(count: Int) -> [UInt8] {
        // SAFETY: fills exactly the words that it says it has, more than `count` bytes.
        let words = (count + 7) / 8
        let filled = unsafe [UInt64](unsafeUninitializedCapacity: words) { buffer, initialized in
            for index in 0..<words { unsafe buffer[index] = next() }
            initialized = words
        }
        return unsafe filled.withUnsafeBytes { unsafe Array($0.prefix(count)) }
    }
}
