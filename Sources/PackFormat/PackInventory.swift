import Checksums
import GuestProtocol

/// What the receiver says before a pack comes: what it has already. Where it names its commits and the
/// sender does not know them all, that sends `listRequest`, and is told every object.
///
///     8  magic "BLDHAVE\n"
///     4  scope
///     4  number of objects
///    33  for each: kind, SHA-256
///     4  CRC-32C of all before
package struct PackInventory: Equatable, Sendable {
    package enum Scope: UInt32, Sendable {
        /// Commits with all that they consist of. Other objects may be there as well.
        case commits = 0
        /// Every object.
        case objects = 1
    }

    /// As long as a pack's own magic, in whose place it comes.
    package static let listRequest = Array("BLDLIST\n".utf8)

    package struct Entry: Hashable, Sendable {
        package var kind: PackObject.Kind
        /// 32 bytes.
        package var checksum: [UInt8]

        package init(kind: PackObject.Kind, checksum: [UInt8]) {
            self.kind = kind
            self.checksum = checksum
        }
    }

    package var scope: Scope
    package var entries: [Entry]

    package init(_ scope: Scope, _ entries: [Entry] = []) {
        self.scope = scope
        self.entries = entries
    }

    private static let magic = Array("BLDHAVE\n".utf8)
    private static let headLength = magic.count + 8
    private static let entryLength = 33
    /// Most objects of a repository.
    package static let maximumCount = 4 << 20

    package func encoded() -> [UInt8] {
        var writer = WireWriter()
        writer.appendRaw(Self.magic)
        writer.append(scope.rawValue)
        writer.append(UInt32(clamping: entries.count))
        for entry in entries {
            writer.append(entry.kind.rawValue)
            writer.appendRaw(entry.checksum)
        }
        var sum = CRC32C()
        sum.update(writer.bytes)
        writer.append(sum.value)
        return writer.bytes
    }

    /// How many bytes the inventory that begins so has; nil while that is not known.
    package static func length(_ start: [UInt8]) throws(PackError) -> Int? {
        let known = min(start.count, magic.count)
        guard start[..<known] == magic[..<known] else { throw .notAPack }
        guard start.count >= headLength else { return nil }
        var reader = WireReader(start[(headLength - 4)...])
        let count = Int(try read { () throws(WireError) in try reader.integer(UInt32.self) })
        guard count <= maximumCount else { throw .damaged("\(count) objects") }
        return headLength + count * entryLength + 4
    }

    /// Reads a whole inventory.
    package init(decoding bytes: [UInt8]) throws(PackError) {
        guard let length = try Self.length(bytes), length == bytes.count else { throw .truncated }
        var sum = CRC32C()
        sum.update(Array(bytes[..<(length - 4)]))
        var reader = WireReader(bytes[Self.magic.count...])
        let scope = try read { () throws(WireError) in
            let raw: UInt32 = try reader.integer()
            guard let scope = Scope(rawValue: raw) else {
                throw .unknownTag(type: "scope of an inventory", value: UInt64(raw))
            }
            _ = try reader.integer(UInt32.self)
            return scope
        }
        var entries: [Entry] = []
        try read { () throws(WireError) in
            while reader.remaining > 4 {
                let raw: UInt8 = try reader.integer()
                guard let kind = PackObject.Kind(rawValue: raw) else {
                    throw .unknownTag(type: "kind of object", value: UInt64(raw))
                }
                entries.append(Entry(kind: kind, checksum: try reader.raw(32)))
            }
        }
        let expected = try read { () throws(WireError) in try reader.integer(UInt32.self) }
        guard expected == sum.value else { throw .damaged("checksum of the inventory") }
        self.init(scope, entries)
    }
}
