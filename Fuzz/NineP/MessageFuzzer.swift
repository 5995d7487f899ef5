import NineP
import NinePRewriting

/// Memory for a message written again; libFuzzer runs one input at a time.
private nonisolated(unsafe) let scratch = UnsafeMutableRawBufferPointer.allocate(
    byteCount: 1 << 17,
    alignment: 16
)

/// The bytes are a message, decoded as what its type byte says; what decodes must encode to the
/// same bytes, but for fields that the encoder always writes (Tfsync's datasync) and lengths that
/// the carrier has checked.
package func fuzzMessage(_ bytes: UnsafeRawBufferPointer) {
    let count = bytes.count
    // Traces print whatever has arrived, header or not. Text is slow: only for an eighth.
    if count < 7 || bytes[5] & 7 == 0 { precondition(!messageText(bytes).isEmpty) }
    var reader = WireReader(bytes)
    let header = MessageHeader(from: &reader)
    if reader.failed { return }
    if let type = header.type {
        if type.isRequest { checkRequest(type, header.tag, reader, bytes) }
        checkReply(type, header.tag, reader, bytes)
    }
    checkEntries(reader)
}

private func checkRequest(
    _ type: MessageType,
    _ tag: UInt16,
    _ body: WireReader,
    _ bytes: UnsafeRawBufferPointer
) {
    var reader = body
    guard let request = Request(type, from: &reader) else { return }
    var writer = WireWriter(scratch)
    writer.write(request, tag: tag, from: reader)
    guard let size = writer.finish() else { fatalError("a decoded request does not encode") }
    let isShortFsync = type == .tfsync && bytes.count == 11 && size == 15
    precondition(size == bytes.count || isShortFsync, "a decoded request has another length")
    checkSame(bytes, isShortFsync ? 11 : size)
    var again = WireReader(UnsafeRawBufferPointer(rebasing: scratch[..<size]))
    _ = MessageHeader(from: &again)
    precondition(Request(type, from: &again) == request, "decode(encode(x)) is not x")
}

private func checkReply(
    _ type: MessageType,
    _ tag: UInt16,
    _ body: WireReader,
    _ bytes: UnsafeRawBufferPointer
) {
    var reader = body
    guard let reply = Reply(type, from: &reader) else { return }
    precondition(!type.isRequest, "a request decoded as a reply")
    var writer = WireWriter(scratch)
    writer.write(type, reply, tag: tag, from: reader)
    guard let size = writer.finish() else { fatalError("a decoded reply does not encode") }
    precondition(size == bytes.count, "a decoded reply has another length")
    checkSame(bytes, size)
    var again = WireReader(UnsafeRawBufferPointer(rebasing: scratch[..<size]))
    _ = MessageHeader(from: &again)
    precondition(Reply(type, from: &again) == reply, "decode(encode(x)) is not x")
}

/// All but the length field, which the input may have wrong.
private func checkSame(_ bytes: UnsafeRawBufferPointer, _ size: Int) {
    precondition(
        bytes[4..<size].elementsEqual(scratch[4..<size]),
        "a decoded message encodes to other bytes"
    )
}

/// The bytes behind the header as the entries of an Rreaddir: reading ends.
private func checkEntries(_ body: WireReader) {
    var reader = body
    while reader.remaining > 0 {
        let before = reader.remaining
        let entry = ReplyDirectoryEntry(from: &reader)
        if reader.failed { return }
        precondition(reader.slice(entry.name).count == entry.name.count)
        precondition(reader.remaining <= before - ReplyDirectoryEntry.fixedSize)
    }
}
