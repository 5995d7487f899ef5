/// A dirtree object, the names in one directory: `(a(say)a(sayay))`, OSTREE_TREE_GVARIANT_STRING.
package struct DirTree: Sendable {
    package struct File: Sendable {
        /// Bytes, not necessarily UTF-8.
        package let name: [UInt8]
        package let checksum: Checksum
    }

    package struct Directory: Sendable {
        package let name: [UInt8]
        package let tree: Checksum
        package let meta: Checksum
    }

    /// Regular files and symbolic links, in the order of their names' bytes.
    package let files: [File]
    /// In the order of their names' bytes.
    package let directories: [Directory]
    /// Bytes of the object.
    package let storedSize: Int

    init(parsing bytes: [UInt8]) throws(GVariantReader.Malformed) {
        let parts = try GVariantReader.tuple(bytes[...], [.bytes, .bytes])
        var files: [File] = []
        for element in try GVariantReader.array(parts[0]) {
            let member = try GVariantReader.tuple(element, [.bytes, .bytes])
            let name = try DirTree.name(member[0])
            if let last = files.last, !last.name.lexicographicallyPrecedes(name) {
                throw GVariantReader.Malformed("file names out of order")
            }
            files.append(File(name: name, checksum: try GVariantReader.checksum(member[1])))
        }
        var directories: [Directory] = []
        for element in try GVariantReader.array(parts[1]) {
            let member = try GVariantReader.tuple(element, [.bytes, .bytes, .bytes])
            let name = try DirTree.name(member[0])
            if let last = directories.last, !last.name.lexicographicallyPrecedes(name) {
                throw GVariantReader.Malformed("directory names out of order")
            }
            directories.append(
                Directory(
                    name: name,
                    tree: try GVariantReader.checksum(member[1]),
                    meta: try GVariantReader.checksum(member[2])
                )
            )
        }
        self.files = files
        self.directories = directories
        storedSize = bytes.count
    }

    /// Refuses what could climb out of the directory (`ot_util_filename_validate`).
    private static func name(_ bytes: ArraySlice<UInt8>) throws(GVariantReader.Malformed) -> [UInt8]
    {
        let name = Array(try GVariantReader.string(bytes))
        let dot = UInt8(ascii: ".")
        if name.isEmpty || name == [dot] || name == [dot, dot] || name.contains(UInt8(ascii: "/")) {
            throw GVariantReader.Malformed("a name that no file can have")
        }
        return name
    }

    private init(files: [File], directories: [Directory], storedSize: Int) {
        self.files = files
        self.directories = directories
        self.storedSize = storedSize
    }

    /// Of a directory that nothing is in.
    package static let empty = DirTree(files: [], directories: [], storedSize: 0)

    /// Without some of the directories.
    package func leavingOut(_ isLeftOut: (Directory) -> Bool) -> DirTree {
        DirTree(
            files: files,
            directories: directories.filter { !isLeftOut($0) },
            storedSize: storedSize
        )
    }

    package func file(named name: [UInt8]) -> File? {
        fileIndex(named: name.span).map { files[$0] }
    }

    package func fileIndex(named name: Span<UInt8>) -> Int? { search(files, \.name, name) }

    package func directory(named name: [UInt8]) -> Directory? {
        directoryIndex(named: name.span).map { directories[$0] }
    }

    package func directoryIndex(named name: Span<UInt8>) -> Int? {
        search(directories, \.name, name)
    }

    /// Binary search: both lists are in byte order.
    private func search<Entry>(
        _ list: [Entry],
        _ key: (Entry) -> [UInt8],
        _ name: Span<UInt8>
    ) -> Int? {
        var low = 0
        var high = list.count
        while low < high {
            let middle = (low + high) / 2
            let order = Self.compare(key(list[middle]).span, name)
            if order == 0 { return middle }
            if order < 0 { low = middle + 1 } else { high = middle }
        }
        return nil
    }

    /// Negative, 0 or positive, as memcmp(3).
    private static func compare(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Int {
        for index in 0..<min(a.count, b.count) where a[index] != b[index] {
            return Int(a[index]) - Int(b[index])
        }
        return a.count - b.count
    }
}
