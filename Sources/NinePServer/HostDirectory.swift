import ByteStream
import CLinux
import NineP
import Synchronization
import SystemIO
import SystemPackage

/// A directory of a `HostTree`, open for reading. Its cookies are the file system's own (d_off).
final class HostDirectory: OpenDirectory {
    private let node: HostNode
    private let slot = DescriptorSlot()
    /// The descriptor has one position: listings take turns.
    private let turn = Mutex(Position())

    private struct Position {
        /// The last entry's cookie, and when the directory was found to end there.
        var end: (cookie: UInt64, time: UInt64)?

        /// The listing that finds nothing more follows at once as a rule.
        func isEnd(_ cookie: UInt64) -> Bool {
            guard let end else { return false }
            return end.cookie == cookie && Belief.now() &- end.time < Belief.attributes
        }
    }

    init(_ node: HostNode, _ descriptor: SharedFD) {
        self.node = node
        node.tree.budget.hold(descriptor, in: slot)
    }

    deinit { node.tree.budget.release(slot) }

    func entries(after cookie: UInt64, _ visit: (DirectoryEntry) -> Bool) throws(Errno) {
        if turn.withLock({ $0.isEnd(cookie) }) { return }
        let directory = try descriptor()
        let memory = node.tree.listings.take()
        defer { memory.recycle() }
        try turn.withLock { position throws(Errno) in
            var last = cookie
            try syscall {
                lseek(directory.rawValue, off_t(truncatingIfNeeded: cookie), SEEK_SET)
            }
            while true {
                let count = try syscall {
                    unsafe clinux_getdents64(
                        directory.rawValue,
                        memory.whole.baseAddress,
                        memory.capacity
                    )
                }
                if count == 0 {
                    position.end = (last, Belief.now())
                    return
                }
                memory.count = count
                guard unsafe report(memory.bytes, &last, visit) else { return }
            }
        }
    }

    private func descriptor() throws(Errno) -> SharedFD {
        if let current = slot.current { return current }
        let directory = try node.openForReading()
        node.tree.budget.hold(directory, in: slot)
        return directory
    }

    /// Goes through `struct linux_dirent64` records; false when the visitor has enough.
    private func report(
        _ records: UnsafeRawBufferPointer,
        _ last: inout UInt64,
        _ visit: (DirectoryEntry) -> Bool
    ) -> Bool {
        let nameOffset = 19
        var offset = 0
        while offset + nameOffset <= records.count {
            // SAFETY: the kernel wrote whole records; lengths are checked against the buffer all
            // the same.
            let inode = unsafe records.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let cookie = unsafe records.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)
            let length = Int(
                unsafe records.loadUnaligned(fromByteOffset: offset + 16, as: UInt16.self)
            )
            let type = unsafe records[offset + 18]
            guard length >= nameOffset, offset + length <= records.count else { return true }
            let field = unsafe records[(offset + nameOffset)..<(offset + length)]
            let name = unsafe Array(field.prefix { $0 != 0 })
            offset += length
            let qid = qid(of: name, inode: inode, type: type)
            let entry = DirectoryEntry(name: name, qid: qid, type: type, cookie: cookie)
            guard visit(entry) else { return false }
            last = cookie
        }
        return true
    }

    /// What lies above the exported folder is not shown: there ".." is the folder itself.
    private func qid(of name: NameBytes, inode: UInt64, type: UInt8) -> Qid {
        let dot = UInt8(ascii: ".")
        if name == [dot] { return node.qid }
        if name == [dot, dot] { return node.parent().qid }
        let kind: Qid.Kind =
            switch Int(type) {
            case Int(DT_DIR): .directory
            case Int(DT_LNK): .symlink
            default: .file
            }
        return Qid(kind: kind, version: 1, path: node.path(ofInode: inode))
    }
}
