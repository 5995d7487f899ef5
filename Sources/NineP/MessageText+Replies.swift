func replyText(_ type: MessageType, _ reader: WireReader) -> String? {
    var cursor = reader
    if type == .rread { return dataText(&cursor) }
    guard let reply = Reply(type, from: &cursor) else { return nil }
    return switch reply {
    case .error(let code): "errno \(code)"
    case .version(let size, let version): "msize \(size) version \(quoted(reader.copy(version)))"
    case .auth(let qid), .attach(let qid), .made(let qid): qidText(qid)
    case .walk(let count, let offset): walkText(count, offset, reader)
    case .open(let qid, let unit), .create(let qid, let unit): "\(qidText(qid)) iounit \(unit)"
    case .readlink(let target): quoted(reader.copy(target))
    case .getattr(let attributes): attributesText(attributes)
    case .xattrwalk(let size): "size \(size)"
    case .lock(let status): "status \(status)"
    case .getlock(let range): lockText(range, reader)
    case .write(let count): "count \(count)"
    case .statfs(let figures):
        "type \(hexadecimal(figures.type)) bsize \(figures.blockSize) blocks \(figures.blocks) "
            + "bfree \(figures.freeBlocks) bavail \(figures.availableBlocks) "
            + "files \(figures.files) ffree \(figures.freeFiles) "
            + "fsid \(hexadecimal(figures.identifier)) namelen \(figures.maximumNameLength)"
    case .readdir(let data): entriesText(data, reader)
    case .read, .done: ""
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

/// The fields that are valid, the qid in any case.
private func attributesText(_ attributes: ReplyAttributes) -> String {
    let isValid = { (bit: UInt64) in attributes.valid & bit != 0 }
    let times = attributes.times
    var text = "valid \(hexadecimal(attributes.valid)) \(qidText(attributes.qid))"
    if isValid(AttributeMask.mode) { text += " mode \(octal(attributes.mode))" }
    if isValid(AttributeMask.uid) { text += " uid \(attributes.uid)" }
    if isValid(AttributeMask.gid) { text += " gid \(attributes.gid)" }
    if isValid(AttributeMask.linkCount) { text += " nlink \(attributes.linkCount)" }
    if isValid(AttributeMask.device) { text += " rdev \(hexadecimal(attributes.device))" }
    if isValid(AttributeMask.size) { text += " size \(attributes.size)" }
    if isValid(AttributeMask.blocks) {
        text += " blksize \(attributes.blockSize) blocks \(attributes.blocks)"
    }
    if isValid(AttributeMask.accessed) { text += " atime \(timeText(times[0], times[1]))" }
    if isValid(AttributeMask.modified) { text += " mtime \(timeText(times[2], times[3]))" }
    if isValid(AttributeMask.changed) { text += " ctime \(timeText(times[4], times[5]))" }
    if isValid(AttributeMask.born) { text += " btime \(timeText(times[6], times[7]))" }
    if isValid(AttributeMask.generation) { text += " gen \(attributes.generation)" }
    if isValid(AttributeMask.dataVersion) { text += " data_version \(attributes.dataVersion)" }
    return text
}

/// Each entry's name, qid and cookie, as far as a line should hold them.
private func entriesText(_ data: WireBytes, _ reader: WireReader) -> String {
    let shown = 16
    var text = "count \(data.count)"
    var entries = unsafe WireReader(reader.slice(data))
    var number = 0
    while entries.remaining > 0 {
        let left = entries.remaining
        let entry = ReplyDirectoryEntry(from: &entries)
        if entries.failed { return text + " and \(left) bytes that are no entry" }
        number += 1
        guard number <= shown else { continue }
        text += " \(quoted(entries.copy(entry.name))) \(qidText(entry.qid)) cookie \(entry.cookie)"
    }
    return number > shown ? text + " … \(number - shown) more" : text
}
