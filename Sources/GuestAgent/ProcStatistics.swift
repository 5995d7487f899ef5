package import GuestProtocol
import SystemIO
import SystemPackage

/// Reads proc(5).
package struct ProcStatistics: Sendable {
    private let proc: FilePath

    package init(paths: SystemPaths) { proc = paths.proc }

    package func read() -> Statistics {
        let memory = Self.memory(text("meminfo"))
        let cpu = Self.cpuMilliseconds(text("stat"))
        return Statistics(
            uptimeMilliseconds: uptimeMilliseconds(),
            totalKiB: memory["MemTotal"] ?? 0,
            availableKiB: memory["MemAvailable"] ?? 0,
            userMilliseconds: cpu[0] &+ cpu[1],
            systemMilliseconds: cpu[2] &+ cpu[5] &+ cpu[6],
            idleMilliseconds: cpu[3],
            ioWaitMilliseconds: cpu[4]
        )
    }

    package func uptimeMilliseconds() -> UInt64 { Self.uptimeMilliseconds(text("uptime")) }

    package func availableKiB() -> UInt64 { Self.memory(text("meminfo"))["MemAvailable"] ?? 0 }

    package func kernelRelease() -> String { trimmed(text("sys/kernel/osrelease")) }

    private func text(_ name: String) -> String {
        String(decoding: (try? readFile(proc.appending(name), limit: 1 << 20)) ?? [], as: UTF8.self)
    }

    /// /proc/uptime: seconds with two decimals.
    static func uptimeMilliseconds(_ text: String) -> UInt64 {
        guard let word = text.split(separator: " ").first, let seconds = Double(word) else {
            return 0
        }
        return UInt64(exactly: (seconds * 1000).rounded()) ?? 0
    }

    /// /proc/meminfo: `MemTotal:  2012345 kB`.
    static func memory(_ text: String) -> [String: UInt64] {
        var values: [String: UInt64] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split { $0 == " " || $0 == ":" }
            if words.count >= 2, let value = UInt64(words[1]) { values[String(words[0])] = value }
        }
        return values
    }

    /// The first seven fields of `cpu ` in /proc/stat: user, nice, system, idle, iowait, irq,
    /// softirq; the kernel shows them in hundredths of a second (USER_HZ).
    static func cpuMilliseconds(_ text: String) -> [UInt64] {
        let line = text.split(separator: "\n").first { $0.hasPrefix("cpu ") } ?? ""
        let fields = line.split(separator: " ").dropFirst().prefix(7)
            .map { (UInt64($0) ?? 0) &* 10 }
        return fields + Array(repeating: 0, count: 7 - fields.count)
    }
}
