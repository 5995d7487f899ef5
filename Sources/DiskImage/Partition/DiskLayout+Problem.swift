extension DiskLayout.Problem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .diskTooSmall(let scheme, let size, let least):
            "\(Self.text(size)) is too small: the layout \(scheme.rawValue) needs at least "
                + Self.text(least)
        case .notWholeSectors(let size):
            "a size of \(size) is no whole number of sectors of 512 bytes"
        case .tooLargeForMBR(let size):
            "\(Self.text(size)) is too large: a partition table of the layout bios reaches 2T"
        case .bootCodeTooLong(let bytes):
            "boot code of \(bytes) bytes, where 440 have room"
        case .badTable(let problem):
            "\(problem)"
        }
    }

    /// A size as users write it: in the largest unit of which it is a whole number.
    private static func text(_ bytes: UInt64) -> String {
        for (unit, shift) in [("T", 40), ("G", 30), ("M", 20), ("K", 10)] as [(String, UInt64)]
        where bytes > 0 && bytes % (1 << shift) == 0 {
            return "\(bytes >> shift)\(unit)"
        }
        return "\(bytes) bytes"
    }
}
