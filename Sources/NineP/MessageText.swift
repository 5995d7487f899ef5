/// One line of text for a whole message, as `--trace` prints it. Strings are quoted; what does not
/// decode is said so.
///
/// - Parameter message: the message, or its beginning where the end is file data.
package func messageText(_ message: UnsafeRawBufferPointer) -> String {
    var reader = unsafe WireReader(message)
    let header = MessageHeader(from: &reader)
    guard let type = header.type else {
        return "type \(header.rawType) tag \(header.tag) size \(header.size)"
    }
    let name = "\(type)"
    var line = "\(name.prefix(1).uppercased())\(name.dropFirst()) tag \(header.tag)"
    let body =
        type.isRequest ? requestText(type, reader) : replyText(type, reader, size: header.size)
    line += body.map { $0.isEmpty ? "" : " \($0)" } ?? " malformed, size \(header.size)"
    return line
}

private func requestText(_ type: MessageType, _ reader: WireReader) -> String? {
    var cursor = reader
    if type == .twrite {
        return "fid \(cursor.u32()) offset \(cursor.u64()) count \(cursor.u32())"
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
    case .lopen(let fid, let flags): "fid \(fid) flags 0\(String(flags, radix: 8))"
    case .lcreate(let fid, let name, let flags, let mode, _):
        "fid \(fid) name \(text(name)) flags 0\(String(flags, radix: 8)) mode \(octal(mode))"
    case .symlink(let fid, let name, let target, _):
        "dfid \(fid) name \(text(name)) target \(text(target))"
    case .mknod(let fid, let name, let mode, let major, let minor, _):
        "dfid \(fid) name \(text(name)) mode \(octal(mode)) dev \(major):\(minor)"
    case .rename(let fid, let directory, let name):
        "fid \(fid) dfid \(directory) name \(text(name))"
    case .readlink(let fid), .clunk(let fid), .remove(let fid), .statfs(let fid): "fid \(fid)"
    case .getattr(let fid, let mask): "fid \(fid) mask 0x\(String(mask, radix: 16))"
    case .setattr(let fid, let attributes):
        "fid \(fid) valid 0x\(String(attributes.valid, radix: 16))"
    case .xattrwalk(let fid, let newFid, let name):
        "fid \(fid) newfid \(newFid) name \(text(name))"
    case .xattrcreate(let fid, let name, let size, _):
        "fid \(fid) name \(text(name)) size \(size)"
    case .readdir(let fid, let offset, let count), .read(let fid, let offset, let count):
        "fid \(fid) offset \(offset) count \(count)"
    case .fsync(let fid, let dataOnly): "fid \(fid) datasync \(dataOnly)"
    case .lock(let fid, let range, let flags):
        "fid \(fid) type \(range.kind) flags \(flags) start \(range.start) length \(range.length)"
    case .getlock(let fid, let range):
        "fid \(fid) type \(range.kind) start \(range.start) length \(range.length)"
    case .link(let directory, let fid, let name):
        "dfid \(directory) fid \(fid) name \(text(name))"
    case .mkdir(let directory, let name, let mode, _):
        "dfid \(directory) name \(text(name)) mode \(octal(mode))"
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

private func replyText(_ type: MessageType, _ reader: WireReader, size: UInt32) -> String? {
    var cursor = reader
    if type == .rread || type == .rreaddir { return "count \(cursor.u32())" }
    guard let reply = Reply(type, from: &cursor) else { return nil }
    return switch reply {
    case .error(let code): "errno \(code)"
    case .version(let size, let version): "msize \(size) version \(quoted(reader.copy(version)))"
    case .auth(let qid), .attach(let qid), .made(let qid): qidText(qid)
    case .walk(let count, let offset): walkText(count, offset, reader)
    case .open(let qid, let unit), .create(let qid, let unit): "\(qidText(qid)) iounit \(unit)"
    case .readlink(let target): quoted(reader.copy(target))
    case .getattr(let attributes):
        "\(qidText(attributes.qid)) mode \(octal(attributes.mode)) uid \(attributes.uid) "
            + "gid \(attributes.gid) nlink \(attributes.linkCount) size \(attributes.size)"
    case .xattrwalk(let size): "size \(size)"
    case .lock(let status): "status \(status)"
    case .getlock(let range): "type \(range.kind)"
    case .write(let count): "count \(count)"
    case .statfs(let figures):
        "type 0x\(String(figures.type, radix: 16)) bsize \(figures.blockSize) "
            + "blocks \(figures.blocks) files \(figures.files)"
    case .readdir, .read, .done: ""
    }
}

private func walkText(_ count: Int, _ offset: Int, _ reader: WireReader) -> String {
    var cursor = reader
    cursor.skip(to: offset)
    return (0..<count).map { _ in qidText(cursor.qid()) }.joined(separator: " ")
}

private func qidText(_ qid: Qid) -> String {
    let kind: Character =
        switch qid.kind {
        case .directory: "d"
        case .symlink: "l"
        default: "f"
        }
    return "(\(kind) \(String(qid.path, radix: 16)) v\(qid.version))"
}

private func octal(_ mode: UInt32) -> String { "0" + String(mode, radix: 8) }

/// Bytes that are no printable ASCII appear as \xNN.
private func quoted(_ bytes: [UInt8]) -> String {
    var text = "\""
    for byte in bytes {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += "\\" + String(UnicodeScalar(byte))
        case 0x20..<0x7f: text.unicodeScalars.append(UnicodeScalar(byte))
        default: text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }
    return text + "\""
}
