/// How figures are written for people.
package enum ProgressText {
    /// "8,123/14,769 objects  172/290 MB  59 %".
    package static func line(_ progress: PhaseProgress) -> String {
        var parts: [String] = []
        if progress.totalObjects > 0 {
            parts.append("\(grouped(progress.objects))/\(grouped(progress.totalObjects)) objects")
        } else if progress.objects > 0 {
            parts.append("\(grouped(progress.objects)) objects")
        }
        if progress.totalBytes > 0 {
            parts.append("\(megabytes(progress.bytes))/\(megabytes(progress.totalBytes)) MB")
        } else if progress.bytes > 0 {
            parts.append("\(megabytes(progress.bytes)) MB")
        }
        if let fraction = progress.fraction { parts.append("\(Int(fraction * 100)) %") }
        return parts.joined(separator: "  ")
    }

    /// What a phase that is done came to: "14,769 objects  290 MB  14.5 MB/s".
    package static func total(_ progress: PhaseProgress, seconds: Double) -> String {
        let objects = max(progress.objects, progress.totalObjects)
        let bytes = max(progress.bytes, progress.totalBytes)
        var parts = objects > 0 ? ["\(grouped(objects)) objects"] : []
        if bytes > 0 { parts.append("\(megabytes(bytes)) MB") }
        if bytes > 0, seconds > 0.05 {
            parts.append("\(fixed(Double(bytes) / seconds / 1e6, digits: 1)) MB/s")
        }
        return parts.joined(separator: "  ")
    }

    /// "12.3 s", "2 min 05 s".
    package static func duration(_ seconds: Double) -> String {
        // What is no whole number of seconds in an Int (or none at all) is written as it is.
        guard seconds >= 100, seconds < 1e15 else { return "\(fixed(seconds, digits: 1)) s" }
        let whole = Int(seconds.rounded())
        let rest = whole % 60
        return "\(whole / 60) min \(rest < 10 ? "0" : "")\(rest) s"
    }

    /// A number with that many digits behind the point.
    package static func fixed(_ value: Double, digits: Int) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = (value * scale).rounded()
        guard scaled.magnitude < 1e15 else { return String(value) }
        let whole = Int(scaled / scale)
        if digits == 0 { return String(whole) }
        let rest = String(Int(scaled.magnitude) % Int(scale))
        return "\(whole)." + String(repeating: "0", count: digits - rest.count) + rest
    }

    /// What is said first of a disk.
    package static func start(_ ref: String, _ commit: String?) -> String {
        "Building from \(ref)" + (commit.map { " (commit \($0.prefix(12)))" } ?? "")
    }

    /// Millions of bytes.
    package static func megabytes(_ bytes: UInt64) -> String {
        grouped(Int(clamping: (bytes + 500_000) / 1_000_000))
    }

    /// With a comma every three digits.
    package static func grouped(_ value: Int) -> String {
        var result = ""
        for (index, digit) in String(value).reversed().enumerated() {
            if index > 0, index % 3 == 0, digit != "-" { result.append(",") }
            result.append(digit)
        }
        return String(result.reversed())
    }
}
