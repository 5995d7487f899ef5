package import NineP

extension WireWriter {
    /// Writes a decoded request again.
    package mutating func write(_ request: Request, tag: UInt16, from reader: WireReader) {
        let copy = { (field: WireBytes) in reader.copy(field) }
        switch request {
        case .version(let size, let version):
            tversion(tag: tag, messageSize: size, version: copy(version))
        case .auth(let afid, let user, let name, let uid):
            tauth(tag: tag, afid: afid, user: copy(user), attachName: copy(name), uid: uid)
        case .attach(let fid, let afid, let user, let name, let uid):
            tattach(
                tag: tag,
                fid: fid,
                afid: afid,
                user: copy(user),
                attachName: copy(name),
                uid: uid
            )
        case .flush(let old): tflush(tag: tag, oldTag: old)
        case .walk(let fid, let newFid, let names):
            var cursor = reader
            cursor.skip(to: names.offset)
            let list = (0..<names.count).map { _ in copy(cursor.string()) }
            twalk(tag: tag, fid: fid, newFid: newFid, names: list)
        case .lopen(let fid, let flags): tlopen(tag: tag, fid: fid, flags: flags)
        case .lcreate(let fid, let name, let flags, let mode, let gid):
            tlcreate(tag: tag, fid: fid, name: copy(name), flags: flags, mode: mode, gid: gid)
        case .symlink(let fid, let name, let target, let gid):
            tsymlink(tag: tag, directory: fid, name: copy(name), target: copy(target), gid: gid)
        case .mknod(let fid, let name, let mode, let major, let minor, let gid):
            tmknod(
                tag: tag,
                directory: fid,
                name: copy(name),
                mode: mode,
                major: major,
                minor: minor,
                gid: gid
            )
        case .rename(let fid, let directory, let name):
            trename(tag: tag, fid: fid, directory: directory, name: copy(name))
        case .readlink(let fid): fidRequest(.treadlink, tag: tag, fid: fid)
        case .getattr(let fid, let mask): tgetattr(tag: tag, fid: fid, mask: mask)
        case .setattr(let fid, let attributes): tsetattr(tag: tag, fid: fid, attributes)
        case .xattrwalk(let fid, let newFid, let name):
            txattrwalk(tag: tag, fid: fid, newFid: newFid, name: copy(name))
        case .xattrcreate(let fid, let name, let size, let flags):
            txattrcreate(tag: tag, fid: fid, name: copy(name), size: size, flags: flags)
        case .readdir(let fid, let offset, let count):
            readRequest(.treaddir, tag: tag, fid: fid, offset: offset, count: count)
        case .fsync(let fid, let dataOnly): tfsync(tag: tag, fid: fid, dataOnly: dataOnly)
        case .lock(let fid, let range, let flags):
            tlock(
                tag: tag,
                fid: fid,
                kind: range.kind,
                flags: flags,
                start: range.start,
                length: range.length,
                process: range.process,
                client: copy(range.client)
            )
        case .getlock(let fid, let range):
            tgetlock(
                tag: tag,
                fid: fid,
                kind: range.kind,
                start: range.start,
                length: range.length,
                process: range.process,
                client: copy(range.client)
            )
        case .link(let directory, let fid, let name):
            tlink(tag: tag, directory: directory, fid: fid, name: copy(name))
        case .mkdir(let directory, let name, let mode, let gid):
            tmkdir(tag: tag, directory: directory, name: copy(name), mode: mode, gid: gid)
        case .renameat(let old, let oldName, let new, let newName):
            trenameat(
                tag: tag,
                oldDirectory: old,
                oldName: copy(oldName),
                newDirectory: new,
                newName: copy(newName)
            )
        case .unlinkat(let directory, let name, let flags):
            tunlinkat(tag: tag, directory: directory, name: copy(name), flags: flags)
        case .read(let fid, let offset, let count):
            readRequest(.tread, tag: tag, fid: fid, offset: offset, count: count)
        case .write(let fid, let offset, let data):
            twrite(tag: tag, fid: fid, offset: offset, data: copy(data))
        case .clunk(let fid): fidRequest(.tclunk, tag: tag, fid: fid)
        case .remove(let fid): fidRequest(.tremove, tag: tag, fid: fid)
        case .statfs(let fid): fidRequest(.tstatfs, tag: tag, fid: fid)
        }
    }

    /// Writes a decoded reply again.
    package mutating func write(
        _ type: MessageType,
        _ reply: Reply,
        tag: UInt16,
        from reader: WireReader
    ) {
        let copy = { (field: WireBytes) in reader.copy(field) }
        switch reply {
        case .error(let code): rlerror(tag: tag, errno: code)
        case .version(let size, let version):
            begin(type, tag: tag)
            u32(size)
            string(copy(version))
        case .auth(let qid), .attach(let qid), .made(let qid): qidReply(type, tag: tag, qid)
        case .walk(let count, let offset):
            rwalk(tag: tag)
            var cursor = reader
            cursor.skip(to: offset)
            for _ in 0..<count { qid(cursor.qid()) }
            finishWalk(count: count)
        case .open(let qid, let unit), .create(let qid, let unit):
            openReply(type, tag: tag, qid, ioUnit: unit)
        case .readlink(let target): rreadlink(tag: tag, target: copy(target))
        case .getattr(let attributes): rgetattr(tag: tag, attributes)
        case .xattrwalk(let size): rxattrwalk(tag: tag, size: size)
        case .readdir(let data), .read(let data):
            dataReply(type, tag: tag, count: UInt32(data.count))
            self.data(copy(data)[...])
        case .lock(let status): rlock(tag: tag, status: status)
        case .getlock(let range):
            rgetlock(
                tag: tag,
                kind: range.kind,
                start: range.start,
                length: range.length,
                process: range.process,
                client: copy(range.client)
            )
        case .write(let count): rwrite(tag: tag, count: count)
        case .statfs(let figures): rstatfs(tag: tag, figures)
        case .done: begin(type, tag: tag)
        }
    }
}
