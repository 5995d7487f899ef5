/// Whole requests that a read-only server refuses, for clients that try.
extension WireWriter {
    package mutating func tlcreate(
        tag: UInt16,
        fid: UInt32,
        name: [UInt8],
        flags: UInt32,
        mode: UInt32,
        gid: UInt32
    ) {
        begin(.tlcreate, tag: tag)
        u32(fid)
        string(name)
        u32(flags)
        u32(mode)
        u32(gid)
    }

    package mutating func tsymlink(
        tag: UInt16,
        directory: UInt32,
        name: [UInt8],
        target: [UInt8],
        gid: UInt32
    ) {
        begin(.tsymlink, tag: tag)
        u32(directory)
        string(name)
        string(target)
        u32(gid)
    }

    package mutating func tmknod(
        tag: UInt16,
        directory: UInt32,
        name: [UInt8],
        mode: UInt32,
        major: UInt32,
        minor: UInt32,
        gid: UInt32
    ) {
        begin(.tmknod, tag: tag)
        u32(directory)
        string(name)
        u32(mode)
        u32(major)
        u32(minor)
        u32(gid)
    }

    package mutating func trename(tag: UInt16, fid: UInt32, directory: UInt32, name: [UInt8]) {
        begin(.trename, tag: tag)
        u32(fid)
        u32(directory)
        string(name)
    }

    package mutating func tsetattr(tag: UInt16, fid: UInt32, _ attributes: SetAttributes) {
        begin(.tsetattr, tag: tag)
        u32(fid)
        u32(attributes.valid)
        u32(attributes.mode)
        u32(attributes.uid)
        u32(attributes.gid)
        u64(attributes.size)
        u64(attributes.accessedSeconds)
        u64(attributes.accessedNanoseconds)
        u64(attributes.modifiedSeconds)
        u64(attributes.modifiedNanoseconds)
    }

    package mutating func txattrcreate(
        tag: UInt16,
        fid: UInt32,
        name: [UInt8],
        size: UInt64,
        flags: UInt32
    ) {
        begin(.txattrcreate, tag: tag)
        u32(fid)
        string(name)
        u64(size)
        u32(flags)
    }

    package mutating func tlink(tag: UInt16, directory: UInt32, fid: UInt32, name: [UInt8]) {
        begin(.tlink, tag: tag)
        u32(directory)
        u32(fid)
        string(name)
    }

    package mutating func tmkdir(
        tag: UInt16,
        directory: UInt32,
        name: [UInt8],
        mode: UInt32,
        gid: UInt32
    ) {
        begin(.tmkdir, tag: tag)
        u32(directory)
        string(name)
        u32(mode)
        u32(gid)
    }

    package mutating func trenameat(
        tag: UInt16,
        oldDirectory: UInt32,
        oldName: [UInt8],
        newDirectory: UInt32,
        newName: [UInt8]
    ) {
        begin(.trenameat, tag: tag)
        u32(oldDirectory)
        string(oldName)
        u32(newDirectory)
        string(newName)
    }

    package mutating func tunlinkat(
        tag: UInt16,
        directory: UInt32,
        name: [UInt8],
        flags: UInt32
    ) {
        begin(.tunlinkat, tag: tag)
        u32(directory)
        string(name)
        u32(flags)
    }
}
