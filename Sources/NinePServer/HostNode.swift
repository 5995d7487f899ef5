import CLinux
import NineP
import SystemIO
import SystemPackage

/// One object below a `HostTree`'s folder.
final class HostNode: Node {
    let qid: Qid
    let tree: HostTreeState
    /// The directory it was found in, and its name there; nil and empty for the folder itself.
    private let container: HostNode?
    private let name: NameBytes
    private let device: UInt64
    private let inode: UInt64
    /// S_IFREG, S_IFDIR, …
    private let type: UInt32
    private let slot = DescriptorSlot()

    init(_ status: HostStatus, tree: HostTreeState, parent: HostNode?, name: NameBytes) {
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
        guard isSame(status) else { throw .staleNFSFileHandle }
        tree.budget.hold(found, in: slot)
        return found
    }

    // MARK: Node

    func attributes() throws(Errno) -> Attributes {
        if let known = tree.attributes.find(device: device, inode: inode) {
            return known.attributes
        }
        let status = try HostStatus(descriptor().rawValue)
        tree.attributes.remember(status)
        return status.attributes
    }

    func child(named name: NameBytes) throws(Errno) -> any Node {
        guard type == UInt32(S_IFDIR) else { throw .notDirectory }
        if let known = try folder(named: name) { return known }
        let directory = try descriptor()
        let found = try tree.budget.open { () throws(Errno) in
            try HostCalls.open(name, in: directory.rawValue, flags: O_PATH)
        }
        let status = try HostStatus(found.rawValue)
        tree.attributes.remember(status)
        let child = HostNode(status, tree: tree, parent: self, name: name)
        tree.budget.hold(found, in: child.slot)
        if status.type == UInt32(S_IFDIR) {
            tree.folders.remember(child, named: name, in: self)
        }
        return child
    }

    /// A subfolder that was walked through before, if the name still means it.
    private func folder(named name: NameBytes) throws(Errno) -> HostNode? {
        guard let (known, isOld) = tree.folders.find(name, in: self) else { return nil }
        guard isOld else { return known }
        let status = try? HostStatus(name, in: descriptor().rawValue)
        guard let status, known.isSame(status) else {
            tree.folders.forget(name, in: self)
            return nil
        }
        tree.folders.remember(known, named: name, in: self)
        tree.attributes.remember(status)
        return known
    }

    private func isSame(_ status: HostStatus) -> Bool {
        status.device == device && status.inode == inode && status.type == type
    }

    func parent() -> any Node { container ?? self }

    func symlinkTarget() throws(Errno) -> [UInt8] {
        guard type == UInt32(S_IFLNK) else { throw .invalidArgument }
        return try HostCalls.symlinkTarget(descriptor().rawValue)
    }

    func openFile() throws(Errno) -> any OpenFile {
        switch type {
        case UInt32(S_IFREG): try openRegularFile()
        case UInt32(S_IFDIR): throw .isDirectory
        case UInt32(S_IFLNK): throw .tooManySymbolicLinkLevels
        // Opening a FIFO could block for ever, and a device act.
        default: throw .permissionDenied
        }
    }

    /// By name, which is quicker than by way of /proc; should the name mean another file by now, by
    /// the descriptor. Either way the file's size is known then.
    private func openRegularFile() throws(Errno) -> HostFile {
        if let directory = container?.current {
            let file = try? tree.budget.open { () throws(Errno) in
                try HostCalls.open(
                    name,
                    in: directory.rawValue,
                    flags: O_RDONLY | O_NONBLOCK | O_NOCTTY
                )
            }
            if let file, let status = try? HostStatus(file.rawValue), isSame(status) {
                return HostFile(self, file, size: status.size)
            }
        }
        let file = try openForReading()
        return HostFile(self, file, size: try HostStatus(file.rawValue).size)
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
