import Checksums
import GuestProtocol

/// Lays out a pack: gives each object its place, and at the end the header. Contents are not needed
/// for that, only their lengths, so that they may be made later, in any order, by several threads.
package struct PackEncoder: Sendable {
    /// An object's bytes but for its content.
    package struct Record: Sendable {
        /// Where the record begins in the pack.
        package let offset: UInt64
        package let head: [UInt8]
        /// Zeros between head and content, and behind the content.
        package let padding: Int
        package let contentLength: UInt64
        package let tail: Int

        /// Of the whole record.
        package var byteCount: UInt64 {
            UInt64(head.count + padding) + contentLength + UInt64(tail)
        }
    }

    private var position = UInt64(PackFormat.headerLength)
    private var objectCount: UInt64 = 0
    private var contentBytes: UInt64 = 0
    private var checksum = CRC32C()
    private var hasCommit = false

    package init() {}

    /// Places the next object.
    package mutating func append(_ object: PackObject) throws(PackError) -> Record {
        if hasCommit { throw .damaged("an object behind the commit") }
        guard object.checksum.count == 32 else { throw .damaged("not a SHA-256") }
        if let fault = object.fault { throw .damaged(fault) }
        let head = encode(object)
        guard head.count <= PackFormat.maximumHead else { throw .damaged("too many attributes") }
        let padding = PackFormat.padding(
            after: position &+ UInt64(head.count),
            to: PackFormat.contentAlignment(object.contentLength)
        )
        let (end, overflow) = (position &+ UInt64(head.count + padding))
            .addingReportingOverflow(object.contentLength)
        guard !overflow, end < UInt64(Int64.max) else { throw .damaged("too long") }
        let record = Record(
            offset: position,
            head: head,
            padding: padding,
            contentLength: object.contentLength,
            tail: PackFormat.padding(after: end, to: PackFormat.recordAlignment)
        )
        checksum.update(head)
        position = end + UInt64(record.tail)
        objectCount += 1
        contentBytes += object.contentLength
        hasCommit = object.kind == .commit
        return record
    }

    /// Once all objects are placed: what comes before and behind them.
    package func finish() throws(PackError) -> (header: [UInt8], trailer: [UInt8], PackHeader) {
        guard hasCommit else { throw .damaged("no commit") }
        let total = position + UInt64(PackFormat.trailerLength)
        let header = PackHeader(
            objectCount: objectCount,
            totalBytes: total,
            contentBytes: contentBytes
        )
        var trailer = WireWriter()
        trailer.append(UInt32(PackFormat.trailerLength))
        trailer.append(UInt32(PackFormat.trailerKind))
        trailer.append(objectCount)
        trailer.append(checksum.value)
        trailer.append(UInt32(0))
        return (Self.encode(header), trailer.bytes, header)
    }

    /// The record that ends a pack which cannot be completed.
    /// - Parameter isFirst: nothing was sent before, so that a header has to come first.
    package static func abort(_ reason: String, isFirst: Bool = false) -> [UInt8] {
        let text = Array(reason.utf8.prefix(PackFormat.maximumHead - 8))
        var writer = WireWriter()
        writer.append(UInt32(8 + text.count))
        writer.append(UInt32(PackFormat.abortKind))
        let header = PackHeader(objectCount: 0, totalBytes: 0, contentBytes: 0)
        return (isFirst ? encode(header) : []) + writer.bytes + text
    }

    private static func encode(_ header: PackHeader) -> [UInt8] {
        var writer = WireWriter()
        writer.appendRaw(PackFormat.magic)
        writer.append(PackFormat.version)
        writer.append(UInt32(0))
        writer.append(header.objectCount)
        writer.append(header.totalBytes)
        writer.append(header.contentBytes)
        var sum = CRC32C()
        sum.update(writer.bytes)
        writer.append(sum.value)
        writer.append(UInt32(0))
        return writer.bytes
    }

    private func encode(_ object: PackObject) -> [UInt8] {
        let attributeBytes = object.attributes.reduce(0) { $0 + 8 + $1.name.count + $1.value.count }
        let length = PackFormat.fixedHeadLength + object.symlinkTarget.count + attributeBytes
        var writer = WireWriter()
        writer.append(UInt32(clamping: length))
        writer.append(UInt32(object.kind.rawValue))
        writer.append(object.mode)
        writer.append(object.uid)
        writer.append(object.gid)
        writer.append(UInt32(clamping: object.symlinkTarget.count))
        writer.append(object.contentLength)
        writer.appendRaw(object.checksum)
        writer.append(UInt32(clamping: object.attributes.count))
        writer.appendRaw(object.symlinkTarget)
        for attribute in object.attributes {
            writer.append(UInt32(clamping: attribute.name.count))
            writer.append(UInt32(clamping: attribute.value.count))
            writer.appendRaw(attribute.name)
            writer.appendRaw(attribute.value)
        }
        return writer.bytes
    }
}
