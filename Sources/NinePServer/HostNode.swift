import CLinux
import NineP
import SystemIO
import SystemPackage

/// One object below a `HostTree`'s folder.
final class HostNode: Node {
    let qid: Qid
    let tree: HostTree
    /// The directory it was found in, and its name there; nil and empty for the folder itself.
    private let container: HostNode?
    private let name: NameBytes
    private let device: UInt64
    private let inode: UInt64
    /// S_IFREG, S_IFDIR, …
    private let type: UInt32
    private let slot = DescriptorSlot()

    init(_ status: HostStatus, tree: HostTree, parent: HostNode?, name: NameBytes) {
        self.tree = tree
        container = parent
        self.name = name
        device = status.device
        inode = status.inode
        type = status.type
        qid = Qid(
            kind: status.qidKind,
            version: status.qidVersion,
            path: tree.devices.path(device: status.device, inode: status.inode)
        )
    }

    deinit { tree.budget.release(slot) }

    /// The qid path of an object on the same device.
    func path(ofInode inode: UInt64) -> UInt64 {
        tree.devices.path(device: device, inode: inode)
    }

    // MARK: The descriptor

    /// An O_PATH descriptor of this object, reopened from the nearest open directory above it if
    /// need be. ESTALE when it cannot be found again.
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

    private var current: SharedFD? { container == nil ? tree.anchor : slot.current }

    private func reopen(in directory: SharedFD) throws(Errno) -> SharedFD {
        let found: SharedFD
        do throws(Errno) {
            found = try tree.budget.open { () throws(Errno) in
                try HostCalls.open(name, in: directory.rawValue, flags: O_PATH)
            }
        } catch {
            throw error == .noSuchFileOrDirectory ? .staleNFSFileHandle : error
        }
        let status = try HostStatus(found.rawValue)
        guard status.device == device, status.inode == inode, status.type == type else {
            throw .staleNFSFileHandle
        }
        tree.budget.hold(found, in: slot)
        return found
    }

    // MARK: Node

    func attributes() throws(Errno) -> Attributes {
        try HostStatus(descriptor().rawValue).attributes
    }

    func child(named name: NameBytes) throws(Errno) -> any Node {
        guard type == UInt32(S_IFDIR) else { throw .notDirectory }
        let directory = try descriptor()
        let found = try tree.budget.open { () throws(Errno) in
            try HostCalls.open(name, in: directory.rawValue, flags: O_PATH)
        }
        let child = HostNode(
            try HostStatus(found.rawValue),
            tree: tree,
            parent: self,
            name: name
        )
        tree.budget.hold(found, in: child.slot)
        return child
    }

    func parent() -> any Node { container ?? self }

    func symlinkTarget() throws(Errno) -> [UInt8] {
        guard type == UInt32(S_IFLNK) else { throw .invalidArgument }
        return try HostCalls.symlinkTarget(descriptor().rawValue)
    }

    func openFile() throws(Errno) -> any OpenFile {
        switch type {
        case UInt32(S_IFREG): HostFile(self, try openForReading())
        case UInt32(S_IFDIR): throw .isDirectory
        case UInt32(S_IFLNK): throw .tooManySymbolicLinkLevels
        // Opening a FIFO could block for ever, and a device act.
        default: throw .permissionDenied
        }
    }

    func openDirectory() throws(Errno) -> any OpenDirectory {
        guard type == UInt32(S_IFDIR) else { throw .notDirectory }
        return HostDirectory(self, try openForReading())
    }

    /// A new descriptor for reading. The type of an inode never changes, so that what an O_PATH
    /// descriptor was found to be needs no second look.
    func openForReading() throws(Errno) -> SharedFD {
        let descriptor = try descriptor()
        return try tree.budget.open { () throws(Errno) in
            type == UInt32(S_IFDIR)
                ? try HostCalls.open(
                    [UInt8(ascii: ".")],
                    in: descriptor.rawValue,
                    flags: O_RDONLY | O_DIRECTORY
                )
                : try HostCalls.reopen(descriptor.rawValue)
        }
    }

    func extendedAttributeNames() throws(Errno) -> [NameBytes] {
        let list = try HostCalls.extendedAttributeNames(of: descriptor().rawValue)
        return list.split(separator: 0).map(Array.init)
    }

    func extendedAttribute(named name: NameBytes) throws(Errno) -> [UInt8] {
        try HostCalls.extendedAttribute(name, of: descriptor().rawValue)
    }
}
