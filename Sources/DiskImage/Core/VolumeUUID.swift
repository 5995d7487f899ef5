import Checksums

/// The 128-bit identifier of a file system, swap area or partition (RFC 9562).
package struct VolumeUUID: Hashable, Sendable, CustomStringConvertible {
    /// The 16 bytes in the order in which they are printed.
    package let bytes: [UInt8]

    /// - Parameter bytes: 16 of them.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 16 else { return nil }
        self.bytes = bytes
    }

    /// Parses `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
    package init?(_ text: String) {
        let digits = text.utf8.filter { $0 != UInt8(ascii: "-") }
        guard digits.count == 32, text.utf8.count == 36 else { return nil }
        var bytes: [UInt8] = []
        for i in stride(from: 0, to: 32, by: 2) {
            guard let high = hexDigit(digits[i]), let low = hexDigit(digits[i + 1]) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        self.bytes = bytes
    }

    package var description: String {
        var text = ""
        for (i, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(i) { text += "-" }
            text += String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }
        return text
    }

    /// As GPT stores it: the first three fields least significant byte first (UEFI 2.10, app. A).
    package var guidBytes: [UInt8] {
        Array(
            bytes[0..<4].reversed() + bytes[4..<6].reversed() + bytes[6..<8].reversed()
                + bytes[8...]
        )
    }
}

private func hexDigit(_ c: UInt8) -> UInt8? {
    switch c {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): c - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): c - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): c - UInt8(ascii: "A") + 10
    default: nil
    }
}

/// What every identifier on a disk is derived from: the same seed gives the same disk.
package struct DiskIdentity: Hashable, Sendable {
    private let seed: [UInt8]

    /// - Parameter seed: the commit's checksum and whatever of the plan shapes the disk.
    package init(seed: String) { self.seed = SHA256Digest.digest(of: Array(seed.utf8)) }

    /// A version 8 UUID (custom, RFC 9562 section 5.8) for the thing called `name` on this disk.
    package func uuid(_ name: String) -> VolumeUUID {
        var bytes = Array(derive(name)[0..<16])
        bytes[6] = bytes[6] & 0x0f | 0x80
        bytes[8] = bytes[8] & 0x3f | 0x80
        return VolumeUUID(checked: bytes)
    }

    /// The MBR's disk signature; never 0, which means "none".
    package var mbrSignature: UInt32 {
        let value = derive("mbr").getLE(UInt32.self, at: 0)
        return value == 0 ? 1 : value
    }

    private func derive(_ name: String) -> [UInt8] {
        SHA256Digest.digest(of: seed + Array(name.utf8))
    }
}

extension VolumeUUID {
    fileprivate init(checked: [UInt8]) { bytes = checked }
}
