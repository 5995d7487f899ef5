import CLinux
import NineP
import Synchronization
import SystemIO
import SystemPackage

/// What makes one object of the host another than the next.
struct HostIdentity {
    let object: HostObject
    /// S_IFREG, S_IFDIR, …, without their 12 zero bits.
    let type: UInt8
    let version: UInt32

    init(_ status: HostStatus, tree: HostTreeState) throws(Errno) {
        object = HostObject(
            device: try tree.devices.index(of: status.device),
            inode: status.inode
        )
        type = UInt8(truncatingIfNeeded: status.type >> 12)
        version = status.qidVersion
    }
}

/// One object below a `HostTree`'s folder, under one name.
///
/// There may be as many as clients have fids, so each byte counts: no lock of its own, no strings,
/// and its descriptor lies in the budget.
final class HostNode: @unchecked Sendable {
    // SAFETY: what `become` sets changes only while the table is the node's only holder, under the
    // table's lock; `isRecent` belongs to the table as well. The rest is atomic.

    // In an order that leaves no gaps: 72 bytes, which malloc has a size for.
    let tree: HostTreeState
    /// The directory it was found in; nil for the folder itself.
    private(set) var container: HostNode?
    private(set) var inode: UInt64 = 0
    let ticket = DescriptorTicket()
    private var version: UInt32 = 1
    /// When a folder's name was last seen to mean it (`Belief.now`).
    let seen = Atomic<UInt32>(0)
    /// Its name in `container`; empty for the folder itself.
    private(set) var name = StoredName()
    var isRecent = false
    private var device: UInt16 = 0
    /// How many fids stand for it; stays at the largest number once it was reached.
    private let fidCount = Atomic<UInt16>(0)
    private(set) var type: UInt8 = 0

    init(tree: HostTreeState) { self.tree = tree }

    deinit { tree.budget.release(ticket) }

    /// Makes a new, or idle, node that of an object.
    func become(_ found: HostIdentity, named name: Span<UInt8>, in container: HostNode?) {
        tree.budget.release(ticket)
        self.container = container
        self.name.set(name)
        inode = found.object.inode
        device = found.object.device
        type = found.type
        version = found.version
        seen.store(Belief.now(), ordering: .relaxed)
        fidCount.store(0, ordering: .relaxed)
        isRecent = isDirectory
    }

    // MARK: Identity

    var object: HostObject { HostObject(device: device, inode: inode) }
    var isDirectory: Bool { isType(S_IFDIR) }

    func isType(_ mode: CInt) -> Bool { type == UInt8(truncatingIfNeeded: mode >> 12) }

    func isNamed(_ name: Span<UInt8>, in container: HostNode) -> Bool {
        self.container === container && self.name.isEqual(to: name)
    }

    func isSame(_ found: HostIdentity) -> Bool {
        isSameObject(found) && found.version == version
    }

    /// Content may have changed since.
    private func isSameObject(_ found: HostIdentity) -> Bool {
        found.object == object && found.type == type
    }

    func isSameObject(_ status: HostStatus) -> Bool {
        (try? HostIdentity(status, tree: tree)).map(isSameObject) ?? false
    }

    var qid: Qid {
        let kind: Qid.Kind =
            isDirectory ? .directory : isType(S_IFLNK) ? .symlink : .file
        return Qid(kind: kind, version: version, path: path(ofInode: inode))
    }

    /// The qid path of an object on the same device.
    func path(ofInode inode: UInt64) -> UInt64 {
        tree.devices.path(HostObject(device: device, inode: inode))
    }

    // MARK: Fids

    var hasFids: Bool { fidCount.load(ordering: .acquiring) > 0 }

    func fidBegan() { count { $0 == .max ? $0 : $0 + 1 } }

    /// Without fids a file's descriptor is closed: nothing keeps the host from reusing its space.
    func fidEnded() {
        if count({ $0 == .max ? $0 : $0 - 1 }) == 0 && !isDirectory {
            tree.budget.release(ticket)
        }
    }

    @discardableResult
    private func count(_ change: (UInt16) -> UInt16) -> UInt16 {
        var old = fidCount.load(ordering: .relaxed)
        while true {
            let new = change(old)
            let (isDone, seen) = fidCount.compareExchange(
                expected: old,
                desired: new,
                ordering: .acquiringAndReleasing
            )
            if isDone { return new }
            old = seen
        }
    }

    // MARK: The descriptor

    /// A descriptor of this object, good for looking at it (O_PATH, or for reading); reopened from
    /// the nearest open directory above it if need be. ESTALE when it cannot be found again.
    func descriptor() throws(Errno) -> SharedFD {
        if let current { return current }
        var missing: [HostNode] = [self]
        var above = container
        var directory: SharedFD?
        while let node = above {
            directory = node.current
            if directory != nil { break }
            missing.append(node)
            above = node.container
        }
        var found = directory ?? tree.anchor
        for node in missing.reversed() { found = try node.reopen(in: found) }
        return found
    }

    var current: SharedFD? { container == nil ? tree.anchor : tree.budget.current(ticket) }

    private func reopen(in directory: SharedFD) throws(Errno) -> SharedFD {
        let found: SharedFD
        do throws(Errno) {
            let name = try hostName()
            found = try tree.budget.open { () throws(Errno) in
                try HostCalls.open(name, in: directory, flags: O_PATH)
            }
        } catch {
            throw error == .noSuchFileOrDirectory ? .staleNFSFileHandle : error
        }
        guard isSameObject(try HostStatus(found)) else { throw .staleNFSFileHandle }
        tree.budget.hold(found, under: ticket)
        return found
    }

    func hostName() throws(Errno) -> HostName {
        try name.withSpan { (name) throws(Errno) in try HostName(name) }
    }
}
