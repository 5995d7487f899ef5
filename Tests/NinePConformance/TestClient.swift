import CLinux
import NineP

/// What a request was refused with.
package struct Refusal: Error, Equatable, CustomStringConvertible {
    package let code: Int32
    package init(_ code: Int32) { self.code = code }
    package var description: String { "errno \(code)" }
}

package struct BrokenReply: Error {
    package init() {}
}

/// Carries one client's bytes to a server and back.
package protocol Transport: AnyObject {
    func send(_ bytes: [UInt8])
    /// The next whole message; nil when the connection has ended.
    func receive() -> [UInt8]?
}

/// A synchronous 9P client that checks every reply's frame.
package final class TestClient {
    package let transport: any Transport
    /// Kept alive as long as its client.
    package var server: AnyObject?
    private var tag: UInt16 = 0
    package private(set) var messageSize: UInt32 = 0

    package init(_ transport: any Transport) { self.transport = transport }

    package func nextTag() -> UInt16 {
        tag = (tag + 1) & 0x7fff
        return tag
    }

    /// Sends one request and returns the reply's body, decoded, with the whole message.
    @discardableResult
    package func call(
        _ type: MessageType,
        _ write: (inout WireWriter, UInt16) -> Void
    ) throws -> (reply: Reply, message: [UInt8]) {
        let tag = nextTag()
        transport.send(Self.message { write(&$0, tag) })
        return try receive(type, tag: tag)
    }

    @discardableResult
    package func receive(
        _ type: MessageType,
        tag: UInt16
    ) throws -> (reply: Reply, message: [UInt8]) {
        guard let message = transport.receive() else { throw BrokenReply() }
        return try message.withUnsafeBytes { memory in
            var reader = WireReader(memory)
            let header = MessageHeader(from: &reader)
            guard header.tag == tag, Int(header.size) == message.count, let got = header.type,
                let reply = Reply(got, from: &reader)
            else { throw BrokenReply() }
            if case .error(let code) = reply { throw Refusal(Int32(code)) }
            guard got == type.reply else { throw BrokenReply() }
            return (reply, message)
        }
    }

    package static func message(_ write: (inout WireWriter) -> Void) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 1 << 17)
        let count = bytes.withUnsafeMutableBytes { memory -> Int in
            var writer = WireWriter(memory)
            write(&writer)
            return writer.finish()!
        }
        return Array(bytes[..<count])
    }

    // MARK: Requests

    @discardableResult
    package func version(_ size: UInt32 = 65_536, _ name: String = "9P2000.L") throws -> (
        UInt32, String
    ) {
        let (reply, message) = try call(.tversion) {
            $0.tversion(tag: $1, messageSize: size, version: Array(name.utf8))
        }
        guard case .version(let agreed, let field) = reply else { throw BrokenReply() }
        messageSize = agreed
        return (
            agreed, String(decoding: message[field.offset...].prefix(field.count), as: UTF8.self)
        )
    }

    @discardableResult
    package func attach(_ fid: UInt32, _ name: String = "", afid: UInt32 = .max) throws -> Qid {
        let (reply, _) = try call(.tattach) {
            $0.tattach(
                tag: $1,
                fid: fid,
                afid: afid,
                user: [],
                attachName: Array(name.utf8),
                uid: geteuid()
            )
        }
        guard case .attach(let qid) = reply else { throw BrokenReply() }
        return qid
    }

    @discardableResult
    package func walk(_ fid: UInt32, _ newFid: UInt32, _ names: String...) throws -> [Qid] {
        try walk(fid, newFid, bytes: names.map { Array($0.utf8) })
    }

    @discardableResult
    package func walk(_ fid: UInt32, _ newFid: UInt32, bytes names: [[UInt8]]) throws -> [Qid] {
        let (reply, message) = try call(.twalk) {
            $0.twalk(tag: $1, fid: fid, newFid: newFid, names: names)
        }
        guard case .walk(let count, let offset) = reply else { throw BrokenReply() }
        return message.withUnsafeBytes { memory in
            var reader = WireReader(memory)
            reader.skip(to: offset)
            return (0..<count).map { _ in reader.qid() }
        }
    }

    @discardableResult
    package func open(_ fid: UInt32, flags: UInt32 = 0) throws -> (qid: Qid, ioUnit: UInt32) {
        let (reply, _) = try call(.tlopen) { $0.tlopen(tag: $1, fid: fid, flags: flags) }
        guard case .open(let qid, let unit) = reply else { throw BrokenReply() }
        return (qid, unit)
    }

    package func read(_ fid: UInt32, at offset: UInt64, count: UInt32) throws -> [UInt8] {
        let (reply, message) = try call(.tread) {
            $0.readRequest(.tread, tag: $1, fid: fid, offset: offset, count: count)
        }
        guard case .read(let data) = reply else { throw BrokenReply() }
        return Array(message[data.offset...].prefix(data.count))
    }

    package func readAll(_ fid: UInt32, count: UInt32 = 1 << 20) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let part = try read(fid, at: UInt64(bytes.count), count: count)
            if part.isEmpty { return bytes }
            bytes += part
        }
    }

    package struct Entry: Equatable {
        package let name: [UInt8]
        package let qid: Qid
        package let cookie: UInt64
        package let type: UInt8
        package var text: String { String(decoding: name, as: UTF8.self) }
    }

    package func readdir(_ fid: UInt32, after cookie: UInt64, count: UInt32 = 8192) throws
        -> [Entry]
    {
        let (reply, message) = try call(.treaddir) {
            $0.readRequest(.treaddir, tag: $1, fid: fid, offset: cookie, count: count)
        }
        guard case .readdir(let data) = reply else { throw BrokenReply() }
        return try message.withUnsafeBytes { memory in
            var reader = WireReader(UnsafeRawBufferPointer(rebasing: memory[data.offset...]))
            var entries: [Entry] = []
            while reader.remaining > 0 {
                let entry = ReplyDirectoryEntry(from: &reader)
                if reader.failed { throw BrokenReply() }
                entries.append(
                    Entry(
                        name: reader.copy(entry.name),
                        qid: entry.qid,
                        cookie: entry.cookie,
                        type: entry.type
                    )
                )
            }
            return entries
        }
    }

    package func list(_ fid: UInt32, count: UInt32 = 8192) throws -> [Entry] {
        var entries: [Entry] = []
        while true {
            let part = try readdir(fid, after: entries.last?.cookie ?? 0, count: count)
            if part.isEmpty { return entries }
            entries += part
        }
    }

    package func getattr(_ fid: UInt32) throws -> ReplyAttributes {
        let (reply, _) = try call(.tgetattr) { $0.tgetattr(tag: $1, fid: fid, mask: 0x17ff) }
        guard case .getattr(let attributes) = reply else { throw BrokenReply() }
        return attributes
    }

    package func readlink(_ fid: UInt32) throws -> String {
        let (reply, message) = try call(.treadlink) { $0.fidRequest(.treadlink, tag: $1, fid: fid) }
        guard case .readlink(let field) = reply else { throw BrokenReply() }
        return String(decoding: message[field.offset...].prefix(field.count), as: UTF8.self)
    }

    package func xattrwalk(_ fid: UInt32, _ newFid: UInt32, _ name: String) throws -> UInt64 {
        let (reply, _) = try call(.txattrwalk) {
            $0.txattrwalk(tag: $1, fid: fid, newFid: newFid, name: Array(name.utf8))
        }
        guard case .xattrwalk(let size) = reply else { throw BrokenReply() }
        return size
    }

    package func clunk(_ fid: UInt32) throws {
        try call(.tclunk) { $0.fidRequest(.tclunk, tag: $1, fid: fid) }
    }

    package func flush(_ oldTag: UInt16) throws {
        try call(.tflush) { $0.tflush(tag: $1, oldTag: oldTag) }
    }
}

/// The errno of a refusal; nil when the body succeeds.
package func refusal(_ body: () throws -> Void) -> Int32? {
    do {
        try body()
        return nil
    } catch let refusal as Refusal {
        return refusal.code
    } catch {
        return -1
    }
}
