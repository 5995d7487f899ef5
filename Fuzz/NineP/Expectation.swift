import CLinux
import NineP
import SystemPackage

/// What a request must lead to.
enum Expectation: Equatable {
    case success
    /// Rlerror with that errno.
    case refused(Int32)
    /// The host, or a time, decides.
    case either
}

/// What docs/9p.md promises, for a client in a certain state.
extension ClientModel {
    func expectation(
        _ header: MessageHeader,
        _ request: Request?,
        _ reader: WireReader,
        length: Int
    ) -> Expectation {
        guard let type = header.type, type.isRequest else { return .refused(EOPNOTSUPP) }
        guard messageSize != 0 || type == .tversion else { return .refused(EPROTO) }
        if type.isModifying { return .refused(EROFS) }
        if length > 8192 { return .refused(ENAMETOOLONG) }
        guard let request else { return .refused(EBADMSG) }
        if let fid = Self.fid(of: request), fids[fid] == nil { return .refused(EBADF) }
        switch request {
        case .version(let size, _): return size < 4096 ? .refused(EINVAL) : .success
        case .auth: return .refused(ENOENT)
        case .attach(let fid, let afid, _, let name, _):
            if afid != Protocol9P.noFid { return .refused(EBADF) }
            if export(named: reader.copy(name)) == nil { return .refused(ENOENT) }
            return newFid(fid)
        case .walk(let fid, let new, let names):
            let (node, count, failure) = resolve(fids[fid]!.node, names, reader)
            if let failure, count == 0 { return node.isVolatile ? .either : failure }
            if node.isVolatile { return .either }
            return count < names.count || new == fid ? .success : newFid(new)
        case .lopen(let fid, let flags): return opening(fids[fid]!, flags)
        case .read(let fid, let offset, _):
            if offset > UInt64(Int64.max) { return .refused(EINVAL) }
            return reading(fids[fid]!)
        case .readdir(let fid, _, _):
            switch fids[fid]!.use {
            case .walked, .opening: return .refused(EBADF)
            case .file, .attribute: return .refused(ENOTDIR)
            case .directory: return .either
            }
        case .readlink(let fid):
            guard case .symlink(let target) = fids[fid]!.node.kind else { return .refused(EINVAL) }
            let size = Protocol9P.headerSize + 2 + target.count
            return size > Int(messageSize) ? .refused(EMSGSIZE) : .success
        case .getattr(let fid, _): return fids[fid]!.node.isVolatile ? .either : .success
        case .xattrwalk(let fid, let new, let name):
            return attribute(fids[fid]!.node, reader.copy(name), new)
        case .getlock(_, let range):
            let size = Protocol9P.headerSize + 23 + range.client.count
            return size > Int(messageSize) ? .refused(EMSGSIZE) : .success
        case .flush(let old):
            let isUnderWay = underWayOpens.contains { $0.tag == old }
            let waiting = pending.count { $0.isUnderWay && !$0.isOpen }
            return isUnderWay && waiting >= limits.replies ? .refused(ENOBUFS) : .success
        case .fsync, .lock, .clunk, .statfs: return .success
        case .lcreate, .symlink, .mknod, .rename, .setattr, .xattrcreate, .link, .mkdir,
            .renameat, .unlinkat, .write, .remove:
            return .refused(EROFS)
        }
    }

    /// The fid that a request that changes nothing works on.
    private static func fid(of request: Request) -> UInt32? {
        switch request {
        case .walk(let fid, _, _), .lopen(let fid, _), .readlink(let fid), .getattr(let fid, _),
            .xattrwalk(let fid, _, _), .readdir(let fid, _, _), .fsync(let fid, _),
            .lock(let fid, _, _), .getlock(let fid, _), .read(let fid, _, _), .clunk(let fid),
            .statfs(let fid):
            fid
        default: nil
        }
    }

    /// Whether a fid can be made under that number.
    private func newFid(_ number: UInt32) -> Expectation {
        if number == Protocol9P.noFid { return .refused(EINVAL) }
        if fids[number] != nil { return .refused(EBADF) }
        return fids.count < limits.fids ? .success : .refused(EMFILE)
    }

    func export(named name: [UInt8]) -> Int? {
        if name.isEmpty || name == [UInt8(ascii: "/")] { return 0 }
        return exports.firstIndex { $0.name.utf8.elementsEqual(name) }
    }

    /// Where a walk ends, how many of its names it goes through, and why no further.
    func resolve(
        _ start: ModelNode,
        _ names: WalkNames,
        _ reader: WireReader
    ) -> (node: ModelNode, count: Int, failure: Expectation?) {
        var cursor = reader
        cursor.skip(to: names.offset)
        var node = start
        for index in 0..<names.count {
            let name = cursor.copy(cursor.string())
            if !node.isDirectory { return (node, index, .refused(ENOTDIR)) }
            if name.isEmpty { return (node, index, .refused(EINVAL)) }
            if name == Array(".".utf8) { continue }
            if name == Array("..".utf8) {
                node = node.parent
                continue
            }
            if name.count > 255 { return (node, index, .refused(ENAMETOOLONG)) }
            if name.contains(where: { $0 == 0 || $0 == UInt8(ascii: "/") }) {
                return (node, index, .refused(EINVAL))
            }
            guard let child = node.child(name) else { return (node, index, .refused(ENOENT)) }
            node = child
        }
        return (node, names.count, nil)
    }

    private func opening(_ fid: Fid, _ flags: UInt32) -> Expectation {
        if fid.use != .walked { return .refused(EBADF) }
        if flags & (0o3 | 0o100 | 0o1000) != 0 { return .refused(EROFS) }
        if fid.node.isDirectory { return .success }
        if flags & 0o200000 != 0 { return .refused(ENOTDIR) }
        if fid.node.isVolatile { return .either }
        if let error = fid.node.openError { return .refused(error.rawValue) }
        return switch fid.node.kind {
        case .file: .success
        case .symlink: .refused(ELOOP)
        case .fifo: .refused(EACCES)
        case .directory: .success
        }
    }

    private func reading(_ fid: Fid) -> Expectation {
        switch fid.use {
        case .walked, .opening: .refused(EBADF)
        case .directory: .refused(EISDIR)
        case .file: fid.node.isVolatile ? .either : .success
        case .attribute: .success
        }
    }

    private func attribute(_ node: ModelNode, _ name: [UInt8], _ new: UInt32) -> Expectation {
        if name.count > 255 { return .refused(ERANGE) }
        if name.contains(0) { return .refused(EINVAL) }
        guard let attributes = node.attributes else { return .either }
        var count = 0
        if name.isEmpty {
            for attribute in attributes { count += attribute.name.count + 1 }
        } else {
            guard let found = attributes.first(where: { $0.name == name }) else {
                return .refused(ENODATA)
            }
            count = found.count
        }
        if attributeBytes + count > limits.attributeBytes { return .refused(ENOBUFS) }
        return newFid(new)
    }
}
