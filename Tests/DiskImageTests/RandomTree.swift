import Foundation
import TestSupport

@testable import DiskImage

/// A tree with anything that ext4 can hold, made from a seed.
struct RandomTree {
    private var numbers: SplitMix
    private var directories = [FileTree.root]
    private var linkable: [FileTree.NodeID] = []
    private var taken: Set<[UInt8]> = []

    static func build(seed: UInt64, _ tree: inout FileTree) throws {
        var random = RandomTree(numbers: SplitMix(seed: seed))
        for _ in 0..<600 { try random.addOne(&tree) }
        // A directory of many blocks among the others.
        let large = try tree.addDirectory("large".utf8, in: random.directory(), folder)
        for n in 0..<2500 {
            let name = random.name(length: random.int(1...40)) + Array("-\(n)".utf8)
            _ = try tree.addFile(name, in: large, random.attributes(&tree), size: 0)
        }
    }

    private init(numbers: SplitMix) { self.numbers = numbers }

    private mutating func int(_ range: ClosedRange<Int>) -> Int {
        Int.random(in: range, using: &numbers)
    }

    private mutating func directory() -> FileTree.NodeID {
        directories[int(0...directories.count - 1)]
    }

    /// Any bytes but a slash and NUL.
    private mutating func name(length: Int) -> [UInt8] {
        (0..<length).map { _ in
            let byte = UInt8(int(1...255))
            return byte == UInt8(ascii: "/") ? UInt8(ascii: "_") : byte
        }
    }

    private mutating func freshName() -> [UInt8] {
        while true {
            let name = name(length: int(0...9) == 0 ? 255 : int(1...24))
            let dot = UInt8(ascii: ".")
            if name != [dot], name != [dot, dot], taken.insert(name).inserted { return name }
        }
    }

    private mutating func attributes(_ tree: inout FileTree) -> FileTree.Attributes {
        var attributes = FileTree.Attributes(
            permissions: UInt16(int(0...0o7777)),
            uid: UInt32(int(0...0xffff_fffe)),
            gid: UInt32(int(0...0xffff_fffe)),
            modified: Int64(int(-0x8000_0000...0x3_7fff_ffff))
        )
        if int(0...3) == 0 { attributes.xattrs = tree.xattrSet(xattrs()) }
        return attributes
    }

    /// Some that fit the inode, some that need a block, some that fill it to the byte.
    private mutating func xattrs() -> [FileTree.Xattr] {
        if int(0...5) == 0 {
            return [
                FileTree.Xattr(
                    name: Array("trusted.full".utf8),
                    value: (0..<4044 - 4).map { _ in UInt8(int(0...255)) }
                )
            ]
        }
        return (0..<int(1...4)).map { n in
            let kind = ["user.", "trusted.", "security."][int(0...2)]
            return FileTree.Xattr(
                name: Array("\(kind)name\(n)".utf8) + (0..<int(0...20)).map { _ in 0x61 },
                value: (0..<int(0...(int(0...1) == 0 ? 30 : 700))).map { _ in UInt8(int(0...255)) }
            )
        }
    }

    private mutating func addOne(_ tree: inout FileTree) throws {
        let parent = directory()
        let name = freshName()
        var attributes = attributes(&tree)
        attributes.immutable = int(0...30) == 0
        switch int(0...9) {
        case 0, 1:
            directories.append(try tree.addDirectory(name, in: parent, attributes))
        case 2:
            // Only files and directories carry user.* attributes.
            attributes.xattrs = .none
            attributes.immutable = false
            let length = [1, 58, 59, 60, 61, int(1...4095), 4095][int(0...6)]
            let target = [UInt8](repeating: UInt8(int(97...122)), count: length)
            _ = try tree.addSymlink(name, in: parent, attributes, target: target)
        case 3 where !linkable.isEmpty:
            try tree.link(linkable[int(0...linkable.count - 1)], as: name, in: parent)
        case 4:
            let start = UInt64(int(0...100_000)) * 100_000
            let ranges = [0..<UInt64(int(1...9000)), (start + 20_000)..<(start + 23_000)]
            linkable.append(
                try tree.addFile(
                    name,
                    in: parent,
                    attributes,
                    size: start + UInt64(int(23_000...90_000)),
                    dataRanges: ranges
                )
            )
        default:
            let size = [0, 1, 4095, 4096, 4097, int(0...60_000)][int(0...5)]
            linkable.append(try tree.addFile(name, in: parent, attributes, size: UInt64(size)))
        }
    }
}
