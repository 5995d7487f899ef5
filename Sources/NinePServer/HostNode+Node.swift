import CLinux
import NineP
import Synchronization
import SystemIO
import SystemPackage

extension HostNode: Node {
    func attributes() throws(Errno) -> Attributes { try status().attributes }

    /// As of now, or of a moment ago.
    func status() throws(Errno) -> HostStatus {
        if let known = tree.attributes.find(object) { return known }
        let status = try HostStatus(descriptor())
        tree.attributes.remember(status, about: object)
        return status
    }

    func child(named name: Span<UInt8>) throws(Errno) -> any Node {
        guard isDirectory else { throw .notDirectory }
        let hostName = try HostName(name)
        if let known = tree.nodes.find(name, in: self), try known.isStill(hostName, in: self) {
            return known
        }
        let directory = try descriptor()
        let found = try tree.budget.open { () throws(Errno) in
            try HostCalls.open(hostName, in: directory, flags: O_PATH)
        }
        let status = try HostStatus(found)
        let identity = try HostIdentity(status, tree: tree)
        tree.attributes.remember(status, about: identity.object)
        let child = tree.nodes.node(name, in: self, identity)
        tree.budget.hold(found, under: child.ticket)
        return child
    }

    /// Whether the name still means this node. Folders are believed for a while, and compared even
    /// when their descriptor was reclaimed; of other nodes, only those that are open are compared,
    /// as no new file can have the inode number of one that is.
    private func isStill(_ name: HostName, in container: HostNode) throws(Errno) -> Bool {
        if isDirectory {
            let age = Belief.now() &- seen.load(ordering: .relaxed)
            if age < Belief.folders { return true }
        } else if current == nil {
            return false
        }
        guard let status = try? HostStatus(name, in: container.descriptor()) else {
            return false
        }
        let found = try HostIdentity(status, tree: tree)
        guard isSame(found) else { return false }
        tree.attributes.remember(status, about: object)
        seen.store(Belief.now(), ordering: .relaxed)
        return true
    }

    func parent() -> any Node { container ?? self }

    func symlinkTarget() throws(Errno) -> [UInt8] {
        guard isType(S_IFLNK) else { throw .invalidArgument }
        return try HostCalls.symlinkTarget(descriptor())
    }

    func extendedAttributeNames() throws(Errno) -> [NameBytes] {
        let list = try HostCalls.extendedAttributeNames(of: descriptor())
        return list.split(separator: 0).map(Array.init)
    }

    func extendedAttribute(named name: NameBytes) throws(Errno) -> [UInt8] {
        try HostCalls.extendedAttribute(name, of: descriptor())
    }
}
