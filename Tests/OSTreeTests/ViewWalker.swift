import ByteStream
import Foundation
import NineP
import NinePServer
import OSTree
import OSTreeExport
import SystemIO
import SystemPackage
import TestSupport

/// What one path of a tree is, wherever it was looked at.
struct ListedEntry: Equatable {
    /// Type and permissions.
    var mode: UInt32
    var uid: UInt32
    var gid: UInt32
    /// Of a regular file.
    var size: UInt64 = 0
    var target = ""
    var xattrs: [String: [UInt8]] = [:]
    var content = ""
}

/// A whole tree by paths, and the paths that share an inode.
struct Listing {
    var entries: [String: ListedEntry] = [:]
    var inodes: [UInt64: [String]] = [:]

    /// Sets of paths of one inode, those of more than one path only.
    var groups: Set<[String]> { Set(inodes.values.filter { $0.count > 1 }.map { $0.sorted() }) }

    func dropping(_ isDropped: (String) -> Bool) -> Listing {
        Listing(
            entries: entries.filter { !isDropped($0.key) },
            inodes: inodes.mapValues { $0.filter { !isDropped($0) } }
        )
    }
}

/// A directory's entry, and its name in memory of its own.
struct NamedEntry {
    let name: [UInt8]
    let entry: DirectoryEntry

    init(_ name: Span<UInt8>, _ entry: DirectoryEntry) {
        self.name = name.indices.map { name[$0] }
        self.entry = entry
    }
}

/// Walks an export as a client would.
struct ViewWalker {
    struct Broken: Error { let description: String }

    private(set) var listing = Listing()
    /// Link counts that the export tells.
    private(set) var linkCounts: [String: UInt64] = [:]

    init(_ export: any Export) throws {
        try visit(export.root(), "")
    }

    private mutating func visit(_ node: any Node, _ path: String) throws {
        let attributes = try node.attributes()
        var entry = ListedEntry(
            mode: attributes.mode,
            uid: attributes.uid,
            gid: attributes.gid
        )
        for name in try node.extendedAttributeNames() {
            entry.xattrs[String(decoding: name, as: UTF8.self)] =
                try node.extendedAttribute(named: name)
        }
        linkCounts[path] = attributes.linkCount
        listing.inodes[node.qid.path, default: []].append(path)
        guard node.qid.version != 0 else { throw Broken(description: "version 0: \(path)") }
        switch attributes.mode & S_IFMT {
        case S_IFDIR:
            listing.entries[path] = entry
            try visitChildren(node, path)
            return
        case S_IFLNK:
            entry.target = String(decoding: try node.symlinkTarget(), as: UTF8.self)
            guard attributes.size == entry.target.utf8.count else {
                throw Broken(description: "size of \(path)")
            }
        default:
            entry.size = attributes.size
            let content = try ViewWalker.read(node.openFile())
            guard content.count == attributes.size else {
                throw Broken(description: "\(content.count) bytes in \(path)")
            }
            entry.content = SHA256.checksum(of: content).hex
        }
        listing.entries[path] = entry
    }

    private mutating func visitChildren(_ node: any Node, _ path: String) throws {
        var entries: [NamedEntry] = []
        try node.openDirectory().entries(after: 0) { name, entry in
            entries.append(NamedEntry(name, entry))
            return true
        }
        let dots = entries.prefix(2).map { String(decoding: $0.name, as: UTF8.self) }
        guard dots == [".", ".."], entries[0].entry.qid == node.qid,
            entries[1].entry.qid == node.parent().qid
        else { throw Broken(description: "dots of \(path)") }
        for entry in entries.dropFirst(2) {
            let child = try node.child(named: entry.name)
            guard child.qid == entry.entry.qid, child.parent().qid == node.qid else {
                throw Broken(description: "qid of \(entry.name)")
            }
            try visit(child, path + "/" + String(decoding: entry.name, as: UTF8.self))
        }
    }

    /// In pieces of an odd length, so that reads cross every boundary.
    static func read(_ file: any OpenFile) throws -> [UInt8] {
        var content: [UInt8] = []
        while true {
            switch try file.data(at: UInt64(content.count), count: 99_991) {
            case .end: return content
            case .bytes(let bytes): content += bytes
            case .slice(let slice):
                var buffer = [UInt8](repeating: 0, count: slice.count)
                let count = pread(slice.file.rawValue, &buffer, slice.count, Int(slice.offset))
                guard count == slice.count else { throw Broken(description: "short slice") }
                content += buffer
            }
        }
    }
}

/// Walks a folder of the host.
struct HostWalker {
    private(set) var listing = Listing()

    init(_ root: String) throws { try visit(root, "") }

    private mutating func visit(_ root: String, _ path: String) throws {
        var status = stat()
        let file = root + path
        guard lstat(file, &status) == 0 else { throw Errno(rawValue: errno) }
        var entry = ListedEntry(mode: status.st_mode, uid: status.st_uid, gid: status.st_gid)
        for name in try ExtendedAttributes.names(of: FilePath(file)) {
            entry.xattrs[String(decoding: name, as: UTF8.self)] =
                try ExtendedAttributes.value(of: name, at: FilePath(file))
        }
        listing.inodes[UInt64(status.st_ino), default: []].append(path)
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            for name in try FileManager.default.contentsOfDirectory(atPath: file) {
                try visit(root, path + "/" + name)
            }
        case S_IFLNK:
            entry.target = try FileManager.default.destinationOfSymbolicLink(atPath: file)
        default:
            let content = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
            entry.size = UInt64(content.count)
            entry.content = SHA256.checksum(of: content).hex
        }
        listing.entries[path] = entry
    }
}

extension SampleRepository {
    func view(
        mode: String? = nil,
        cacheLimit: Int = 1 << 20,
        folderLimit: Int = 1 << 20,
        budget: DescriptorBudget = DescriptorBudget()
    ) throws -> CommitTree {
        let repository = try Repository(path: FilePath(try mode.map { try pull($0) } ?? path))
        return try CommitTree(
            repository: repository,
            commit: repository.commit(repository.resolve("os/sample")),
            cacheLimit: cacheLimit,
            budget: budget,
            folderLimit: folderLimit
        )
    }
}
