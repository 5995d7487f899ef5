/// A commit object: `(a{sv}aya(say)sstayay)`, OSTREE_COMMIT_GVARIANT_STRING in ostree-core.h.
package struct Commit: Sendable {
    package let checksum: Checksum
    package let parent: Checksum?
    package let subject: String
    package let body: String
    /// Seconds since 1970.
    package let timestamp: UInt64
    package let rootTree: Checksum
    package let rootMeta: Checksum
    /// The metadata entries that hold a string: `version`, `ostree.linux`, `ostree.ref-binding` not.
    package let stringMetadata: [String: String]

    /// What the committer calls it (`--add-metadata-string=version=…`).
    package var version: String? { stringMetadata["version"] }

    init(checksum: Checksum, parsing bytes: [UInt8]) throws(GVariantReader.Malformed) {
        let parts = try GVariantReader.tuple(
            bytes[...],
            [
                .dictionary, .bytes, .bytes, .bytes, .bytes, .u64, .bytes, .bytes,
            ]
        )
        self.checksum = checksum
        parent = parts[1].isEmpty ? nil : try GVariantReader.checksum(parts[1])
        subject = String(decoding: try GVariantReader.string(parts[3]), as: UTF8.self)
        body = String(decoding: try GVariantReader.string(parts[4]), as: UTF8.self)
        timestamp = GVariantReader.bigEndian(parts[5])
        rootTree = try GVariantReader.checksum(parts[6])
        rootMeta = try GVariantReader.checksum(parts[7])
        var metadata: [String: String] = [:]
        for entry in try GVariantReader.array(parts[0], alignment: 8) {
            let pair = try GVariantReader.tuple(entry, [.bytes, .dictionary])
            let value = try GVariantReader.variant(pair[1])
            guard value.type == "s" else { continue }
            let key = String(decoding: try GVariantReader.string(pair[0]), as: UTF8.self)
            metadata[key] = String(decoding: try GVariantReader.string(value.value), as: UTF8.self)
        }
        stringMetadata = metadata
    }
}
