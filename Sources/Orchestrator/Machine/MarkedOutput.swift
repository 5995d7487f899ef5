/// Takes the part between two marks out of a console's output, which comes in pieces.
struct MarkedOutput {
    struct Marks {
        var begin: [UInt8]
        var end: [UInt8]
    }

    enum Phase { case before, within, after }

    private(set) var phase: Phase
    /// The last of what came before the part.
    private(set) var hidden: [UInt8] = []
    private let marks: Marks?
    /// What may become a mark, with what comes next.
    private var pending: [UInt8] = []

    /// - Parameter marks: nil where all is the part.
    init(marks: Marks?) {
        self.marks = marks
        phase = marks == nil ? .within : .before
    }

    private static let mostHidden = 1 << 14

    /// - Returns: what of the part is certain now.
    mutating func take(_ bytes: [UInt8]) -> [UInt8] {
        guard let marks else { return bytes }
        pending += bytes
        if phase == .before {
            let (before, isFound) = Self.split(&pending, at: marks.begin)
            hidden = (hidden + before).suffix(Self.mostHidden)
            if !isFound { return [] }
            phase = .within
        }
        if phase == .after { return [] }
        let (part, isFound) = Self.split(&pending, at: marks.end)
        if isFound { phase = .after }
        return part
    }

    /// Takes what lies before a mark, and the mark, or else all that cannot be the beginning of one.
    private static func split(
        _ bytes: inout [UInt8],
        at mark: [UInt8]
    ) -> (before: [UInt8], isFound: Bool) {
        var start = 0
        while start < bytes.count {
            let rest = bytes[start...].prefix(mark.count)
            if rest.elementsEqual(mark.prefix(rest.count)) { break }
            start += 1
        }
        let before = Array(bytes[..<start])
        let isFound = bytes.count - start >= mark.count
        bytes.removeFirst(isFound ? start + mark.count : start)
        return (before, isFound)
    }
}
