import ByteStream
import CLinux
import Synchronization
import SystemIO
import SystemPackage

/// A regular file of a `HostTree`, open for reading.
final class HostFile: OpenFile {
    private let node: HostNode
    private let slot = DescriptorSlot()
    /// In bytes, as of `sizeTime`.
    private let size = Atomic<UInt64>(0)
    private let sizeTime = Atomic<UInt64>(0)

    init(_ node: HostNode, _ descriptor: SharedFD, size: UInt64) {
        self.node = node
        self.size.store(size, ordering: .relaxed)
        sizeTime.store(Belief.now(), ordering: .releasing)
        node.tree.budget.hold(descriptor, in: slot)
    }

    deinit { node.tree.budget.release(slot) }

    func data(at offset: UInt64, count: Int) throws(Errno) -> FileData {
        let file = try descriptor()
        let size = try currentSize(file)
        guard offset < size, count > 0, let start = Int64(exactly: offset) else { return .end }
        let available = Int(clamping: size - offset)
        return .slice(FileSlice(file: file, offset: start, count: min(count, available)))
    }

    private func descriptor() throws(Errno) -> SharedFD {
        if let current = slot.current { return current }
        let file = try node.openForReading()
        node.tree.budget.hold(file, in: slot)
        return file
    }

    private func currentSize(_ file: SharedFD) throws(Errno) -> UInt64 {
        let now = Belief.now()
        if now &- sizeTime.load(ordering: .acquiring) < Belief.attributes {
            return size.load(ordering: .relaxed)
        }
        let fresh = try HostStatus(file.rawValue).size
        size.store(fresh, ordering: .relaxed)
        sizeTime.store(now, ordering: .releasing)
        return fresh
    }
}
