import CLinux
import SystemPackage

/// The processor's time stamp counter, which an emulated guest reads as its own (QEMU's
/// `cpu_get_host_ticks`).
package enum TimeStampCounter {
    /// Whether it runs at one frequency and never stops, so that a clock may be made of it
    /// (/proc/cpuinfo: `constant_tsc` and `nonstop_tsc`).
    package static var isSteady: Bool {
        guard let text = try? readFile("/proc/cpuinfo", limit: 1 << 24) else { return false }
        let flags = text.split(separator: UInt8(ascii: "\n"))
            .first { $0.starts(with: "flags".utf8) }?
            .split(separator: UInt8(ascii: " "))
        return ["constant_tsc", "nonstop_tsc"].allSatisfy { wanted in
            flags?.contains { $0.elementsEqual(wanted.utf8) } ?? false
        }
    }

    /// Ticks a second, within about a thousandth; nil where it does not count. Takes a few
    /// milliseconds.
    package static func frequency() -> UInt64? {
        let first = sample()
        usleep(5_000)
        let last = sample()
        guard last.ticks > first.ticks, last.seconds > first.seconds else { return nil }
        let frequency = Double(last.ticks - first.ticks) / (last.seconds - first.seconds)
        // Anything else is no processor's.
        return (1e8..<1e11).contains(frequency) ? UInt64(frequency) : nil
    }

    /// Both clocks at one moment: of a few tries the one that was disturbed least.
    private static func sample() -> (ticks: UInt64, seconds: Double) {
        var best = (ticks: UInt64(0), seconds: 0.0, gap: UInt64.max)
        for _ in 0..<8 {
            let before = clinux_time_stamp()
            let seconds = monotonicSeconds()
            let gap = clinux_time_stamp() &- before
            if gap < best.gap { best = (before &+ gap / 2, seconds, gap) }
        }
        return (best.ticks, best.seconds)
    }
}
