import GuestProtocol

extension PackObject {
    /// Reads a head, which has the length it says.
    init(head: [UInt8]) throws(PackError) {
        var reader = WireReader(head[4...])
        self = try read { () throws(WireError) in try PackObject(from: &reader) }
        if let fault { throw .damaged(fault) }
    }

    private init(from reader: inout WireReader) throws(WireError) {
        let kind: UInt32 = try reader.integer()
        guard let known = UInt8(exactly: kind).flatMap(Kind.init(rawValue:)) else {
            throw .unknownTag(type: "kind of object", value: UInt64(kind))
        }
        self.init(metadata: known, checksum: [], contentLength: 0)
        mode = try reader.integer()
        uid = try reader.integer()
        gid = try reader.integer()
        let targetLength: UInt32 = try reader.integer()
        contentLength = try reader.integer()
        checksum = try reader.raw(32)
        let count: UInt32 = try reader.integer()
        symlinkTarget = try reader.raw(Int(targetLength))
        for _ in 0..<count {
            let nameLength: UInt32 = try reader.integer()
            let valueLength: UInt32 = try reader.integer()
            attributes.append(
                Attribute(
                    name: try reader.raw(Int(nameLength)),
                    value: try reader.raw(Int(valueLength))
                )
            )
        }
        try reader.finish()
    }
}
