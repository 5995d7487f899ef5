import CLinux
import NinePServer
import SystemIO
import SystemPackage

/// A tree as the fuzzer knows it; exports are made from it, and answers are judged by it.
final class ModelNode {
    enum Kind: Equatable {
        case directory
        /// Size in bytes; the content is `content(at:)`.
        case file(Int)
        case symlink([UInt8])
        case fifo
    }

    let name: [UInt8]
    let kind: Kind
    /// Nil where an export's host decides what attributes there are.
    let attributes: [(name: [UInt8], count: Int)]?
    /// Opening it waits for the gate.
    let isSlow: Bool
    /// Opening it fails so.
    let openError: Errno?
    /// Others come and go under this name.
    let isVolatile: Bool
    private(set) var children: [ModelNode] = []
    private(set) unowned(unsafe) var parent: ModelNode!

    init(
        _ name: String,
        _ kind: Kind = .directory,
        attributes: [(name: [UInt8], count: Int)]? = [],
        isSlow: Bool = false,
        openError: Errno? = nil,
        isVolatile: Bool = false,
        holding children: [ModelNode] = []
    ) {
        self.name = name == "raw" ? [0x72, 0xff, 0xfe, 0x80] : Array(name.utf8)
        self.kind = kind
        self.attributes = attributes
        self.isSlow = isSlow
        self.openError = openError
        self.isVolatile = isVolatile
        self.children = children
        parent = self
        for child in children { child.parent = self }
    }

    func child(_ name: [UInt8]) -> ModelNode? { children.first { $0.name == name } }

    var size: Int { if case .file(let size) = kind { size } else { 0 } }
    var isDirectory: Bool { kind == .directory }

    static func content(at offset: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: offset &* 31 &+ offset >> 8)
    }

    static func contents(_ count: Int) -> [UInt8] { (0..<count).map(content) }
}

extension ModelNode {
    static let bigAttribute = 65_536

    /// What a `Namespace` shows.
    static func synthetic() -> ModelNode {
        let attributes: [(name: [UInt8], count: Int)] = [
            (Array("user.big".utf8), bigAttribute), (Array("user.small".utf8), 5),
        ]
        return ModelNode(
            "",
            holding: [
                ModelNode("f", .file(200_000), attributes: attributes),
                ModelNode("empty", .file(0)),
                ModelNode(
                    "d",
                    holding: [
                        ModelNode("e", holding: [ModelNode("g", .file(300))]),
                        ModelNode("l", .symlink([0x66])),
                    ]
                ),
                ModelNode(
                    "crowd",
                    holding: (0..<60).map { ModelNode("entry-number-\($0)", .file(0)) }
                ),
                ModelNode("long", .symlink([UInt8](repeating: 0x61, count: 4095))),
            ]
        )
    }

    /// What lies in a folder of the host.
    static func host(named name: String = "") -> ModelNode {
        func file(_ name: String, _ size: Int) -> ModelNode {
            ModelNode(name, .file(size), attributes: nil)
        }
        return ModelNode(
            name,
            attributes: nil,
            holding: [
                file("big", 200_000), file("empty", 0), file("raw", 10),
                ModelNode("link", .symlink(Array("big".utf8)), attributes: nil),
                ModelNode("pipe", .fifo, attributes: nil),
                ModelNode(
                    "sub",
                    attributes: nil,
                    holding: [
                        ModelNode(
                            "deep",
                            attributes: nil,
                            holding: (0..<30).map { file("leaf-\($0)", $0 * 100) }
                        )
                    ]
                ),
                ModelNode("moving", .file(50), attributes: nil, isVolatile: true),
            ]
        )
    }

    /// What `GatedExport` shows.
    static func gated() -> ModelNode {
        ModelNode(
            "",
            holding: [
                ModelNode("a", .file(100), isSlow: true), ModelNode("b", .file(100), isSlow: true),
                ModelNode("bad", .file(100), isSlow: true, openError: .ioError),
                ModelNode("fast", .file(100)),
            ]
        )
    }

    /// The same tree for a `Namespace`.
    var entry: Namespace.Entry {
        switch kind {
        case .directory:
            .directory(children.map { (String(decoding: $0.name, as: UTF8.self), $0.entry) })
        case .file(let size):
            .file(
                Self.contents(size),
                extendedAttributes: (attributes ?? []).map {
                    (String(decoding: $0.name, as: UTF8.self), Self.contents($0.count))
                }
            )
        case .symlink(let target): .symlink(target: target)
        case .fifo: .file([])
        }
    }

    /// Makes the same tree on the host, below a directory's descriptor.
    func create(in directory: CInt) throws(Errno) {
        for child in children {
            let name = child.name.map(CChar.init(bitPattern:)) + [0]
            switch child.kind {
            case .directory:
                try syscall { mkdirat(directory, name, 0o755) }
                let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC
                let opened = OwnedFD(try syscall { clinux_openat(directory, name, flags, 0) })
                try child.create(in: opened.rawValue)
            case .file(let size):
                let flags = O_WRONLY | O_CREAT | O_CLOEXEC
                let opened = OwnedFD(try syscall { clinux_openat(directory, name, flags, 0o644) })
                try writeAll(opened.rawValue, Self.contents(size))
            case .symlink(let target):
                let text = target.map(CChar.init(bitPattern:)) + [0]
                try syscall { symlinkat(text, directory, name) }
            case .fifo: try syscall { mkfifoat(directory, name, 0o644) }
            }
        }
    }
}
