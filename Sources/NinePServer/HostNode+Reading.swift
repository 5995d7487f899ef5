import ByteStream
import CLinux
import NineP
import SystemIO
import SystemPackage

/// An open node reads by itself: all its fids share one descriptor, which can be read from and takes
/// the place of the one that could only be looked at.
extension HostNode: OpenFile, OpenDirectory {
    func openFile() throws(Errno) -> any OpenFile {
        if isType(S_IFREG) {
            try openRegularFile()
            return self
        }
        if isDirectory { throw .isDirectory }
        if isType(S_IFLNK) { throw .tooManySymbolicLinkLevels }
        // Opening a FIFO could block for ever, and a device act.
        throw .permissionDenied
    }

    func openDirectory() throws(Errno) -> any OpenDirectory {
        guard isDirectory else { throw .notDirectory }
        tree.budget.hold(try openForReading(), under: ticket, readable: true)
        return self
    }

    /// By way of the descriptor that tells what it is, never by name: that could mean a FIFO or a device
    /// by now, and opening those acts. Opened each time, so that whoever may not read it any more is
    /// told.
    private func openRegularFile() throws(Errno) {
        let file = try openForReading()
        // A reader may rely on the size being that of the time of opening, or later.
        tree.attributes.remember(try HostStatus(file), about: object)
        tree.budget.hold(file, under: ticket, readable: true)
    }

    /// A new descriptor for reading. The type of an inode never changes, so that what an O_PATH
    /// descriptor was found to be needs no second look.
    private func openForReading() throws(Errno) -> SharedFD {
        let descriptor = try descriptor()
        return try tree.budget.open { () throws(Errno) in
            isDirectory
                ? try HostCalls.reopenDirectory(descriptor)
                : try HostCalls.reopen(descriptor)
        }
    }

    private func readable() throws(Errno) -> SharedFD {
        if let current = tree.budget.current(ticket, readable: true) { return current }
        let opened = try openForReading()
        tree.budget.hold(opened, under: ticket, readable: true)
        // A worker may come to read after the last fid has gone.
        if !hasFids && !isDirectory { tree.budget.release(ticket) }
        return opened
    }

    // MARK: Files

    func data(at offset: UInt64, count: Int) throws(Errno) -> FileData {
        try data(at: offset, count: count, mayWait: true) ?? .end
    }

    var waitsForDisk: Bool { true }

    /// Nil where a disk would have to be waited for.
    func dataAtOnce(at offset: UInt64, count: Int) throws(Errno) -> FileData? {
        try data(at: offset, count: count, mayWait: false)
    }

    private func data(
        at offset: UInt64,
        count: Int,
        mayWait: Bool
    ) throws(Errno) -> FileData? {
        let file = try readable()
        let status = try status()
        guard count > 0, let start = Int64(exactly: offset) else { return .end }
        if status.isMadeUp {
            return try copied(file, at: start, count: min(count, HostStatus.largestMadeUp))
        }
        guard offset < status.size else { return .end }
        let available = min(count, Int(clamping: status.size - offset))
        let slice = FileSlice(file: file, offset: start, count: available)
        guard let data = try FileData.checked(slice, mayWait: mayWait) else { return nil }
        if case .slice = data, tree.budget.isStrained {
            return try copied(file, at: start, count: available)
        }
        return data
    }

    /// What is there when it is read.
    private func copied(
        _ file: SharedFD,
        at offset: Int64,
        count: Int
    ) throws(Errno) -> FileData {
        let bytes = try file.read(count: count, at: offset)
        return bytes.isEmpty ? .end : .bytes(bytes[...])
    }

    // MARK: Directories

    /// Cookies are the file system's own (d_off).
    func entries(after cookie: UInt64, _ visit: DirectoryVisitor) throws(Errno) {
        // The listing that finds nothing more follows at once as a rule.
        if tree.ends.find(object) == cookie { return }
        let directory = try readable()
        let memory = tree.listings.take()
        defer { memory.recycle() }
        try tree.withTurn(of: object) { () throws(Errno) in
            var last = cookie
            try directory.withRawValue { (directory) throws(Errno) in
                try syscall { lseek(directory, off_t(truncatingIfNeeded: cookie), SEEK_SET) }
            }
            while true {
                let count = try directory.withRawValue { (directory) throws(Errno) in
                    try syscall {
                        unsafe clinux_getdents64(
                            directory,
                            memory.whole.baseAddress,
                            memory.capacity
                        )
                    }
                }
                if count == 0 {
                    tree.ends.remember(last, about: object)
                    return
                }
                memory.count = count
                guard unsafe report(memory.bytes, &last, visit) else { return }
            }
        }
    }

    /// Goes through `struct linux_dirent64` records; false when the visitor has enough.
    private func report(
        _ records: UnsafeRawBufferPointer,
        _ last: inout UInt64,
        _ visit: DirectoryVisitor
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
            let field = unsafe UnsafeRawBufferPointer(
                rebasing: records[(offset + nameOffset)..<(offset + length)]
            )
            let end = unsafe field.firstIndex(of: 0) ?? field.count
            let bytes = unsafe UnsafeRawBufferPointer(rebasing: field[..<end])
                .assumingMemoryBound(to: UInt8.self)
            let name = unsafe bytes.span
            offset += length
            let entry = DirectoryEntry(
                qid: qid(of: name, inode: inode, type: type),
                type: type,
                cookie: cookie
            )
            guard visit(name, entry) else { return false }
            last = cookie
        }
        return true
    }

    /// What lies above the exported folder is not shown: there ".." is the folder itself.
    private func qid(of name: Span<UInt8>, inode: UInt64, type: UInt8) -> Qid {
        switch name.dots {
        case 1: return qid
        case 2: return parent().qid
        default: break
        }
        let kind: Qid.Kind =
            switch Int(type) {
            case Int(DT_DIR): .directory
            case Int(DT_LNK): .symlink
            default: .file
            }
        return Qid(kind: kind, version: 1, path: path(ofInode: inode))
    }
}
