/// One line of text for a whole message, as `--trace` prints it. Strings are quoted; what does not
/// decode is said so.
///
/// - Parameter message: the message, or its beginning where the end is file data. Of the data, what is
///   there is shown, up to a length.
package func messageText(_ message: UnsafeRawBufferPointer) -> String {
    var reader = unsafe WireReader(message)
    let header = MessageHeader(from: &reader)
    guard let type = header.type else {
        return "type \(header.rawType) tag \(header.tag) size \(header.size)"
    }
    let name = "\(type)"
    var line = "\(name.prefix(1).uppercased())\(name.dropFirst()) tag \(header.tag)"
    let body = type.isRequest ? requestText(type, reader) : replyText(type, reader)
    line += body.map { $0.isEmpty ? "" : " \($0)" } ?? " malformed, size \(header.size)"
    return line
}

private func requestText(_ type: MessageType, _ reader: WireReader) -> String? {
    var cursor = reader
    if type == .twrite {
        return "fid \(cursor.u32()) offset \(cursor.u64()) \(dataText(&cursor))"
    }
    guard let request = Request(type, from: &cursor) else { return nil }
    let text = { (field: WireBytes) in quoted(reader.copy(field)) }
    return switch request {
    case .version(let size, let version): "msize \(size) version \(text(version))"
    case .auth(let afid, let user, let name, let uid):
        "afid \(afid) uname \(text(user)) aname \(text(name)) uid \(uid)"
    case .attach(let fid, let afid, let user, let name, let uid):
        "fid \(fid) afid \(afid) uname \(text(user)) aname \(text(name)) uid \(uid)"
    case .flush(let old): "oldtag \(old)"
    case .walk(let fid, let newFid, let names):
        "fid \(fid) newfid \(newFid)" + walkText(names, reader)
    case .lopen(let fid, let flags): "fid \(fid) flags \(octal(flags))"
    case .lcreate(let fid, let name, let flags, let mode, let gid):
        "fid \(fid) name \(text(name)) flags \(octal(flags)) mode \(octal(mode)) gid \(gid)"
    case .symlink(let fid, let name, let target, let gid):
        "dfid \(fid) name \(text(name)) target \(text(target)) gid \(gid)"
    case .mknod(let fid, let name, let mode, let major, let minor, let gid):
        "dfid \(fid) name \(text(name)) mode \(octal(mode)) dev \(major):\(minor) gid \(gid)"
    case .rename(let fid, let directory, let name):
        "fid \(fid) dfid \(directory) name \(text(name))"
    case .readlink(let fid), .clunk(let fid), .remove(let fid), .statfs(let fid): "fid \(fid)"
    case .getattr(let fid, let mask): "fid \(fid) mask \(hexadecimal(mask))"
    case .setattr(let fid, let attributes): "fid \(fid) \(attributesText(attributes))"
    case .xattrwalk(let fid, let newFid, let name):
        "fid \(fid) newfid \(newFid) name \(text(name))"
    case .xattrcreate(let fid, let name, let size, let flags):
        "fid \(fid) name \(text(name)) size \(size) flags \(flags)"
    case .readdir(let fid, let offset, let count), .read(let fid, let offset, let count):
        "fid \(fid) offset \(offset) count \(count)"
    case .fsync(let fid, let dataOnly): "fid \(fid) datasync \(dataOnly)"
    case .lock(let fid, let range, let flags):
        "fid \(fid) flags \(flags) \(lockText(range, reader))"
    case .getlock(let fid, let range): "fid \(fid) \(lockText(range, reader))"
    case .link(let directory, let fid, let name):
        "dfid \(directory) fid \(fid) name \(text(name))"
    case .mkdir(let directory, let name, let mode, let gid):
        "dfid \(directory) name \(text(name)) mode \(octal(mode)) gid \(gid)"
    case .renameat(let oldDirectory, let oldName, let newDirectory, let newName):
        "dfid \(oldDirectory) name \(text(oldName)) newdfid \(newDirectory) newname \(text(newName))"
    case .unlinkat(let directory, let name, let flags):
        "dfid \(directory) name \(text(name)) flags \(flags)"
    case .write: ""
    }
}

private func walkText(_ names: WalkNames, _ reader: WireReader) -> String {
    var cursor = reader
    cursor.skip(to: names.offset)
    var text = ""
    for _ in 0..<names.count { text += " \(quoted(reader.copy(cursor.string())))" }
    return text
}

/// The fields that the mask names. A time that is not given is the server's.
private func attributesText(_ attributes: SetAttributes) -> String {
    let names = { (bit: UInt32) in attributes.valid & bit != 0 }
    var text = "valid \(hexadecimal(attributes.valid))"
    if names(SetAttributeMask.mode) { text += " mode \(octal(attributes.mode))" }
    if names(SetAttributeMask.uid) { text += " uid \(attributes.uid)" }
    if names(SetAttributeMask.gid) { text += " gid \(attributes.gid)" }
    if names(SetAttributeMask.size) { text += " size \(attributes.size)" }
    if names(SetAttributeMask.accessedGiven) {
        let (seconds, nanoseconds) = (attributes.accessedSeconds, attributes.accessedNanoseconds)
        text += " atime \(timeText(seconds, nanoseconds))"
    } else if names(SetAttributeMask.accessed) {
        text += " atime now"
    }
    if names(SetAttributeMask.modifiedGiven) {
        let (seconds, nanoseconds) = (attributes.modifiedSeconds, attributes.modifiedNanoseconds)
        text += " mtime \(timeText(seconds, nanoseconds))"
    } else if names(SetAttributeMask.modified) {
        text += " mtime now"
    }
    if names(SetAttributeMask.changed) { text += " ctime now" }
    return text
}
