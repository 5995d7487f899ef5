/// Serialises what a file object's checksum covers. The counterpart of `GVariantReader`.
enum GVariantWriter {
    /// `(uuuusa(ayay))`, OSTREE_FILE_HEADER: uid, gid, mode, rdev (always 0), target, xattrs.
    static func fileHeader(
        _ info: FileInfo,
        extendedAttributes: ArraySlice<UInt8>
    ) -> [UInt8] {
        var header: [UInt8] = []
        for number in [info.uid, info.gid, info.mode, 0] {
            appendBigEndian(number, to: &header)
        }
        header += info.symlinkTarget
        header.append(0)
        let endOfTarget = header.count
        header += extendedAttributes
        appendOffsets([endOfTarget], to: &header)
        return header
    }

    /// `a(ayay)`, in the order given.
    static func extendedAttributes(_ attributes: [ExtendedAttribute]) -> [UInt8] {
        var array: [UInt8] = []
        var ends: [Int] = []
        for attribute in attributes {
            var pair = attribute.name
            pair.append(0)
            let endOfName = pair.count
            pair += attribute.value
            appendOffsets([endOfName], to: &pair)
            array += pair
            ends.append(array.count)
        }
        if !ends.isEmpty { appendOffsets(ends, to: &array) }
        return array
    }

    static func appendBigEndian(_ number: UInt32, to bytes: inout [UInt8]) {
        for shift in [24, 16, 8, 0] as [UInt32] {
            bytes.append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }

    /// Framing offsets as wide as the container they end needs, itself included.
    private static func appendOffsets(_ offsets: [Int], to bytes: inout [UInt8]) {
        let body = bytes.count
        let width = [1, 2, 4, 8].first { width in
            GVariantReader.offsetWidth(body + width * offsets.count) <= width
        }
        for offset in offsets {
            for index in 0..<(width ?? 8) {
                bytes.append(UInt8(truncatingIfNeeded: offset >> (8 * index)))
            }
        }
    }
}
