import CLinux
import NineP
import Synchronization
import SystemPackage

/// What a `HostTree` believes for a short while without asking the host again.
///
/// A client sends its requests for one file in quick succession: a walk through the same folders,
/// the attributes, a read, and the empty read that finds the end.
enum Belief {
    /// Of attributes, sizes and ends of directories, in milliseconds.
    static let attributes: UInt64 = 50
    /// Of the way from a folder to a subfolder, in milliseconds. Files are looked up each time.
    static let folders: UInt64 = 100

    /// CLOCK_MONOTONIC_COARSE in milliseconds: read without entering the kernel.
    static func now() -> UInt64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        // So that 0 lies before any time whatever the machine's age.
        return UInt64(truncatingIfNeeded: time.tv_sec) &* 1000
            &+ UInt64(truncatingIfNeeded: time.tv_nsec / 1_000_000) &+ 100_000
    }
}

/// Folders that were walked through lately, by the folder they are in and their name.
final class FolderCache: Sendable {
    private struct Key: Hashable {
        let container: ObjectIdentifier
        let name: NameBytes
    }

    private struct Entry {
        /// Keeps its container alive, and with it the key.
        let node: HostNode
        var time: UInt64
    }

    private static let limit = 4096
    private let entries = Mutex<[Key: Entry]>([:])

    /// A known folder, and whether it has to be looked at again.
    func find(_ name: NameBytes, in container: HostNode) -> (node: HostNode, isOld: Bool)? {
        let key = Key(container: ObjectIdentifier(container), name: name)
        let now = Belief.now()
        return entries.withLock { entries in
            entries[key].map { ($0.node, now &- $0.time >= Belief.folders) }
        }
    }

    func remember(_ node: HostNode, named name: NameBytes, in container: HostNode) {
        let key = Key(container: ObjectIdentifier(container), name: name)
        let entry = Entry(node: node, time: Belief.now())
        // What is dropped goes outside the lock: closing descriptors may take long.
        let dropped = entries.withLock { entries in
            var dropped: [Key: Entry] = [:]
            if entries.count >= Self.limit { swap(&dropped, &entries) }
            let old = entries.updateValue(entry, forKey: key)
            return (dropped, old)
        }
        _ = dropped
    }

    func forget(_ name: NameBytes, in container: HostNode) {
        let key = Key(container: ObjectIdentifier(container), name: name)
        let dropped = entries.withLock { $0.removeValue(forKey: key) }
        _ = dropped
    }

    func removeAll() {
        let dropped = entries.withLock { entries in
            defer { entries = [:] }
            return entries
        }
        _ = dropped
    }
}

/// Attributes that were read lately; a table of fixed size, where a newer object takes the place of
/// an older one.
final class AttributeCache: Sendable {
    private struct Entry {
        var status: HostStatus
        var time: UInt64
    }

    private static let size = 1024
    private let entries = Mutex<[Entry?]>(Array(repeating: nil, count: size))

    func find(device: UInt64, inode: UInt64) -> HostStatus? {
        let now = Belief.now()
        return entries.withLock { entries in
            guard let entry = entries[Int(inode % UInt64(Self.size))],
                entry.status.inode == inode, entry.status.device == device,
                now &- entry.time < Belief.attributes
            else { return nil }
            return entry.status
        }
    }

    func remember(_ status: HostStatus) {
        let entry = Entry(status: status, time: Belief.now())
        entries.withLock { $0[Int(status.inode % UInt64(Self.size))] = entry }
    }
}
