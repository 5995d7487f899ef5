import CLinux
import Synchronization
import SystemPackage

/// What a `HostTree` believes for a short while without asking the host again.
///
/// A client sends its requests for one file in quick succession: a walk through the same folders,
/// the attributes, a read, and the empty read that finds the end.
enum Belief {
    /// Of attributes, sizes and ends of directories, in milliseconds.
    static let attributes: UInt32 = 50
    /// Of the way from a folder to a subfolder, in milliseconds. Files are looked up each time.
    static let folders: UInt32 = 100

    /// CLOCK_MONOTONIC_COARSE in milliseconds, read without entering the kernel; to be compared by
    /// `&-` with earlier ones.
    static func now() -> UInt32 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        return UInt32(truncatingIfNeeded: time.tv_sec) &* 1000
            &+ UInt32(truncatingIfNeeded: time.tv_nsec / 1_000_000)
    }
}

/// An object of a tree, whatever its names.
struct HostObject: Equatable {
    /// In the tree's `DeviceTable`.
    var device: UInt16
    var inode: UInt64
}

/// What was found out about objects lately; a table of fixed size, where a newer object takes the
/// place of an older one. Forgotten after `Belief.attributes`.
final class RecentFacts<Fact: Sendable>: Sendable {
    private struct Entry {
        var object: HostObject
        var fact: Fact
        var time: UInt32
    }

    private let count: UInt64
    private let entries: Mutex<[Entry?]>

    init(count: Int) {
        self.count = UInt64(count)
        entries = Mutex(Array(repeating: nil, count: count))
    }

    func find(_ object: HostObject) -> Fact? {
        let now = Belief.now()
        return entries.withLock { entries in
            guard let entry = entries[Int(object.inode % count)], entry.object == object,
                now &- entry.time < Belief.attributes
            else { return nil }
            return entry.fact
        }
    }

    func remember(_ fact: Fact, about object: HostObject) {
        let entry = Entry(object: object, fact: fact, time: Belief.now())
        entries.withLock { $0[Int(object.inode % count)] = entry }
    }
}
