/// Finds what a mistyped name may have meant.
package enum SimilarNames {
    /// At most three of `names`, nearest first: those a few edits away, or with the same last part.
    package static func of(_ wanted: String, among names: [String]) -> [String] {
        let limit = max(2, wanted.utf8.count / 3)
        let last = wanted.split(separator: "/").last
        let rated = names.map { name in
            let distance = editDistance(Array(wanted.utf8), Array(name.utf8))
            let sameEnd = last != nil && name.split(separator: "/").last == last
            return (name: name, distance: sameEnd ? min(distance, limit) : distance)
        }
        return rated.filter { $0.distance <= limit }
            .sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }
            .prefix(3).map(\.name)
    }

    /// Levenshtein's distance, one row at a time.
    private static func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let above = row[j + 1]
                row[j + 1] = min(above + 1, row[j] + 1, diagonal + (x == y ? 0 : 1))
                diagonal = above
            }
        }
        return row[b.count]
    }
}
