import CLinux
import NineP
import NinePServer
import Synchronization
import SystemIO
import SystemPackage

/// Where slow opens wait until the fuzzer lets them go, so that it decides what happens meanwhile.
final class Gate: Sendable {
    /// Readable while the gate is open.
    private let sign: EventFD
    /// Files that are open, and opens that wait.
    let liveCount = Atomic(0)
    private let fuzzer = pthread_self()

    init() throws(Errno) { sign = try EventFD() }

    func open() { sign.signal() }
    func close() { sign.drain() }

    /// Returns at once on the fuzzer's own thread, where the server opens what is too much for its
    /// workers.
    func pass() {
        if pthread_self() == fuzzer { return }
        while !sign.isReadable(milliseconds: -1) {}
    }
}

/// Wakes the fuzzer when a reply comes, if it waits for one.
final class Bell: Sendable {
    private let sign: EventFD
    private let isAwaited = Atomic(false)

    init() throws(Errno) { sign = try EventFD() }

    func ring() {
        if isAwaited.load(ordering: .sequentiallyConsistent) { sign.signal() }
    }

    /// Waits until that is so, for at most ten seconds.
    func wait(until isDone: () -> Bool) -> Bool {
        isAwaited.store(true, ordering: .sequentiallyConsistent)
        defer {
            isAwaited.store(false, ordering: .relaxed)
            sign.drain()
        }
        for _ in 0..<10_000 {
            if isDone() { return true }
            _ = sign.isReadable(milliseconds: 1)
            sign.drain()
        }
        return isDone()
    }
}

extension EventFD {
    /// Waits for a signal; -1 without end. The C function is `poll`.
    func isReadable(milliseconds: CInt) -> Bool {
        var entry = pollfd(fd: rawValue, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, milliseconds) == 1
    }
}

/// An export of one directory, some of whose files take as long to open as the gate is closed.
final class GatedExport: Export {
    private let top: GatedNode

    init(_ model: ModelNode, gate: Gate) {
        top = GatedNode(model, number: 1, gate: gate)
    }

    func root() -> any Node { top }
    func statistics() -> FileSystemStatistics { FileSystemStatistics() }
}

private final class GatedNode: Node, OpenDirectory, @unchecked Sendable {
    // Nothing changes after the initialiser; the top lives as long as the export.
    let qid: Qid
    private let isSlow: Bool
    private let gate: Gate
    private let name: [UInt8]
    private let size: Int
    private let openError: Errno?
    private var children: [GatedNode] = []
    private unowned(unsafe) var container: GatedNode!

    init(_ model: ModelNode, number: UInt64, gate: Gate) {
        self.gate = gate
        name = model.name
        size = model.size
        openError = model.openError
        isSlow = model.isSlow
        qid = Qid(kind: model.isDirectory ? .directory : .file, version: 1, path: number)
        container = self
        children = model.children.enumerated().map { index, child in
            GatedNode(child, number: number + UInt64(index) + 1, gate: gate)
        }
        for child in children { child.container = self }
    }

    func attributes() -> Attributes {
        let epoch = Attributes.Time(seconds: 0)
        let type = qid.kind == .directory ? S_IFDIR : S_IFREG
        return Attributes(
            mode: UInt32(type) | 0o555,
            uid: 0,
            gid: 0,
            linkCount: 1,
            size: UInt64(size),
            blocks: 0,
            accessed: epoch,
            modified: epoch,
            changed: epoch
        )
    }

    func child(named name: Span<UInt8>) throws(Errno) -> any Node {
        guard let child = children.first(where: { name.isEqual(to: $0.name) }) else {
            throw .noSuchFileOrDirectory
        }
        return child
    }

    func parent() -> any Node { container }
    func symlinkTarget() throws(Errno) -> [UInt8] { throw .invalidArgument }

    func openFile() throws(Errno) -> any OpenFile {
        if isSlow {
            gate.liveCount.wrappingAdd(1, ordering: .relaxed)
            defer { gate.liveCount.wrappingSubtract(1, ordering: .relaxed) }
            gate.pass()
        }
        if let openError { throw openError }
        return GatedFile(size: size, gate: gate)
    }

    func openFileAtOnce() throws(Errno) -> (any OpenFile)? {
        isSlow ? nil : try openFile()
    }

    func openDirectory() throws(Errno) -> any OpenDirectory {
        guard qid.kind == .directory else { throw .notDirectory }
        return self
    }

    func extendedAttributeNames() -> [NameBytes] { [] }
    func extendedAttribute(named name: NameBytes) throws(Errno) -> [UInt8] {
        throw Errno(rawValue: ENODATA)
    }

    func entries(after cookie: UInt64, _ visit: DirectoryVisitor) {
        for position in min(Int(clamping: cookie), children.count)..<children.count {
            let child = children[position]
            let entry = DirectoryEntry(
                qid: child.qid,
                type: UInt8(DT_REG),
                cookie: UInt64(position) + 1
            )
            let name = child.name
            guard visit(name.span, entry) else { return }
        }
    }
}

private final class GatedFile: OpenFile {
    private let size: Int
    private let gate: Gate

    init(size: Int, gate: Gate) {
        self.size = size
        self.gate = gate
        gate.liveCount.wrappingAdd(1, ordering: .relaxed)
    }

    deinit { gate.liveCount.wrappingSubtract(1, ordering: .relaxed) }

    /// Gives all there is, whatever the count: the server has to cut it.
    func data(at offset: UInt64, count: Int) -> FileData {
        offset < UInt64(size) ? .bytes(ModelNode.contents(size)[Int(offset)...]) : .end
    }
}
