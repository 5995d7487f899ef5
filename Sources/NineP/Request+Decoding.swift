extension Request {
    /// Decodes the body of a request whose header the reader has passed.
    ///
    /// Returns nil for replies and for a body that is too short, too long, or names more than 16
    /// walk elements.
    package init?(_ type: MessageType, from reader: inout WireReader) {
        switch type {
        case .tversion: self = .version(messageSize: reader.u32(), version: reader.string())
        case .tauth:
            self = .auth(
                afid: reader.u32(),
                user: reader.string(),
                attachName: reader.string(),
                uid: reader.u32()
            )
        case .tattach:
            self = .attach(
                fid: reader.u32(),
                afid: reader.u32(),
                user: reader.string(),
                attachName: reader.string(),
                uid: reader.u32()
            )
        case .tflush: self = .flush(oldTag: reader.u16())
        case .twalk:
            let (fid, newFid) = (reader.u32(), reader.u32())
            guard let names = WalkNames(from: &reader) else { return nil }
            self = .walk(fid: fid, newFid: newFid, names: names)
        case .tlopen: self = .lopen(fid: reader.u32(), flags: reader.u32())
        case .treadlink: self = .readlink(fid: reader.u32())
        case .tgetattr: self = .getattr(fid: reader.u32(), mask: reader.u64())
        case .txattrwalk:
            self = .xattrwalk(fid: reader.u32(), newFid: reader.u32(), name: reader.string())
        case .treaddir:
            self = .readdir(fid: reader.u32(), offset: reader.u64(), count: reader.u32())
        case .tfsync:
            // The specification's first edition has no datasync field.
            let fid = reader.u32()
            self = .fsync(fid: fid, dataOnly: reader.remaining == 0 ? 0 : reader.u32())
        case .tlock: self = Self.lock(from: &reader)
        case .tgetlock:
            self = .getlock(fid: reader.u32(), LockRange(from: &reader))
        case .tread: self = .read(fid: reader.u32(), offset: reader.u64(), count: reader.u32())
        case .tclunk: self = .clunk(fid: reader.u32())
        case .tstatfs: self = .statfs(fid: reader.u32())
        default:
            guard let request = Self.modifying(type, from: &reader) else { return nil }
            self = request
        }
        guard reader.isComplete else { return nil }
    }

    private static func lock(from reader: inout WireReader) -> Request {
        let fid = reader.u32()
        let kind = reader.u8()
        let flags = reader.u32()
        let range = LockRange(
            kind: kind,
            start: reader.u64(),
            length: reader.u64(),
            process: reader.u32(),
            client: reader.string()
        )
        return .lock(fid: fid, range, flags: flags)
    }

    private static func modifying(_ type: MessageType, from reader: inout WireReader) -> Request? {
        switch type {
        case .tlcreate:
            .lcreate(
                fid: reader.u32(),
                name: reader.string(),
                flags: reader.u32(),
                mode: reader.u32(),
                gid: reader.u32()
            )
        case .tsymlink:
            .symlink(
                directory: reader.u32(),
                name: reader.string(),
                target: reader.string(),
                gid: reader.u32()
            )
        case .tmknod:
            .mknod(
                directory: reader.u32(),
                name: reader.string(),
                mode: reader.u32(),
                major: reader.u32(),
                minor: reader.u32(),
                gid: reader.u32()
            )
        case .trename:
            .rename(fid: reader.u32(), directory: reader.u32(), name: reader.string())
        case .tsetattr: .setattr(fid: reader.u32(), SetAttributes(from: &reader))
        case .txattrcreate:
            .xattrcreate(
                fid: reader.u32(),
                name: reader.string(),
                size: reader.u64(),
                flags: reader.u32()
            )
        case .tlink: .link(directory: reader.u32(), fid: reader.u32(), name: reader.string())
        case .tmkdir:
            .mkdir(
                directory: reader.u32(),
                name: reader.string(),
                mode: reader.u32(),
                gid: reader.u32()
            )
        case .trenameat:
            .renameat(
                oldDirectory: reader.u32(),
                oldName: reader.string(),
                newDirectory: reader.u32(),
                newName: reader.string()
            )
        case .tunlinkat:
            .unlinkat(directory: reader.u32(), name: reader.string(), flags: reader.u32())
        case .twrite: Self.write(from: &reader)
        case .tremove: .remove(fid: reader.u32())
        default: nil
        }
    }

    private static func write(from reader: inout WireReader) -> Request {
        let (fid, offset) = (reader.u32(), reader.u64())
        let count = reader.u32()
        return .write(fid: fid, offset: offset, data: reader.data(count: Int(count)))
    }
}

extension WalkNames {
    fileprivate init?(from reader: inout WireReader) {
        count = Int(reader.u16())
        offset = reader.offset
        guard count <= Protocol9P.maximumWalkNames else { return nil }
        for _ in 0..<count { _ = reader.string() }
    }
}

extension SetAttributes {
    fileprivate init(from reader: inout WireReader) {
        valid = reader.u32()
        mode = reader.u32()
        uid = reader.u32()
        gid = reader.u32()
        size = reader.u64()
        accessedSeconds = reader.u64()
        accessedNanoseconds = reader.u64()
        modifiedSeconds = reader.u64()
        modifiedNanoseconds = reader.u64()
    }
}

extension LockRange {
    init(from reader: inout WireReader) {
        self.init(
            kind: reader.u8(),
            start: reader.u64(),
            length: reader.u64(),
            process: reader.u32(),
            client: reader.string()
        )
    }
}
