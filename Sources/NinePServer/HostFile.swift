import ByteStream
import CLinux
import Synchronization
import SystemIO
import SystemPackage

/// A regular file of a `HostTree`, open for reading.
final class HostFile: OpenFile {
    private let node: HostNode
    private let slot = DescriptorSlot()
    /// In bytes, as of `sizeTime` (in milliseconds of CLOCK_MONOTONIC_COARSE).
    private let size = Atomic<UInt64>(0)
    private let sizeTime = Atomic<UInt64>(0)
    /// How long a size is believed, in milliseconds: long enough for a read and the empty read that
    /// finds the end, short enough for a file that grows.
    private static let sizeLifetime: UInt64 = 50

    init(_ node: HostNode, _ descriptor: SharedFD) {
        self.node = node
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
        let now = coarseMilliseconds()
        if now &- sizeTime.load(ordering: .acquiring) < Self.sizeLifetime {
            return size.load(ordering: .relaxed)
        }
        let fresh = try HostStatus(file.rawValue).size
        size.store(fresh, ordering: .relaxed)
        sizeTime.store(now, ordering: .releasing)
        return fresh
    }
}

/// CLOCK_MONOTONIC_COARSE: read without entering the kernel, exact to a few milliseconds.
private func coarseMilliseconds() -> UInt64 {
    var time = timespec()
    _ = unsafe clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
    return UInt64(truncatingIfNeeded: time.tv_sec) &* 1000
        &+ UInt64(truncatingIfNeeded: time.tv_nsec / 1_000_000) &+ 1000
}
