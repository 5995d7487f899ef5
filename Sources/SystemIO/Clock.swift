import CLinux

/// Seconds on a clock that never goes back. The C function is `clock_gettime(CLOCK_MONOTONIC)`.
package func monotonicSeconds() -> Double {
    var now = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}

/// "20260815.143015": a moment in UTC.
/// - Parameter seconds: since 1970. The C function is `gmtime_r`.
package func compactTime(_ seconds: UInt64) -> String {
    var moment = time_t(clamping: seconds)
    var parts = unsafe tm()
    guard unsafe gmtime_r(&moment, &parts) != nil else { return String(seconds) }
    func digits(_ value: CInt, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
    return unsafe digits(parts.tm_year &+ 1900, 4) + digits(parts.tm_mon &+ 1, 2)
        + digits(parts.tm_mday, 2) + "." + digits(parts.tm_hour, 2) + digits(parts.tm_min, 2)
        + digits(parts.tm_sec, 2)
}

/// Since 1970, now. The C function is `clock_gettime(CLOCK_REALTIME)`.
package func wallClock() -> (seconds: Int, nanoseconds: Int) {
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    return (now.tv_sec, now.tv_nsec)
}
