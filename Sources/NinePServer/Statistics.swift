package import NineP
import Synchronization

/// Counts replies by message type: how many, how many errors, bytes, and how long they took.
package final class Statistics: NinePObserver {
    package struct Row: Sendable {
        package var replies = 0
        package var errors = 0
        /// Whole replies, in bytes.
        package var byteCount = 0
        fileprivate var latencies = LatencyHistogram()

        /// The time within which that share (0 to 1) of the replies was given, in nanoseconds, to
        /// within a quarter of its value.
        package func latency(share: Double) -> UInt64 { latencies.quantile(share) }
    }

    private let rows = Mutex<[Row]>(Array(repeating: Row(), count: 256))

    package init() {}

    package func replied(_ event: ReplyEvent) {
        let index = Int(event.request?.rawValue ?? 0)
        rows.withLock { rows in
            rows[index].replies += 1
            if event.errno != nil { rows[index].errors += 1 }
            rows[index].byteCount += event.byteCount
            rows[index].latencies.add(event.nanoseconds)
        }
    }

    /// What was counted so far, of the types that occurred.
    package func snapshot() -> [(type: MessageType?, row: Row)] {
        rows.withLock { rows in
            rows.indices.filter { rows[$0].replies > 0 }.map {
                (MessageType(rawValue: UInt8($0)), rows[$0])
            }
        }
    }

    /// A table for people.
    package func table() -> String {
        func pad(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.utf8.count)) + text
        }
        func microseconds(_ nanoseconds: UInt64) -> String {
            "\(nanoseconds / 1000).\(nanoseconds % 1000 / 100)"
        }
        var text = "message            count   errors          bytes   p50 µs   p90 µs   p99 µs\n"
        for (type, row) in snapshot() {
            let name = type.map { "\($0)" } ?? "unknown"
            text += name + pad("\(row.replies)", 24 - name.utf8.count) + pad("\(row.errors)", 9)
            text += pad("\(row.byteCount)", 15)
            for share in [0.5, 0.9, 0.99] {
                text += pad(microseconds(row.latency(share: share)), 9)
            }
            text += "\n"
        }
        return text
    }
}

/// Powers of two, each in four parts.
private struct LatencyHistogram: Sendable {
    private var buckets = InlineArray<256, UInt32>(repeating: 0)
    private var count = 0

    mutating func add(_ nanoseconds: UInt64) {
        let value = nanoseconds | 4
        let exponent = 63 - value.leadingZeroBitCount
        let part = Int(value >> (exponent - 2) & 3)
        buckets[exponent * 4 + part] &+= 1
        count += 1
    }

    func quantile(_ share: Double) -> UInt64 {
        let wanted = max(1, Int((Double(count) * share).rounded(.up)))
        var seen = 0
        for index in buckets.indices {
            seen += Int(buckets[index])
            if seen >= wanted { return UInt64(4 + index % 4) << max(0, index / 4 - 2) }
        }
        return 0
    }
}
