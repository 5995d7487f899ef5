import CLinux

/// Seconds on a clock that never goes back. The C function is `clock_gettime(CLOCK_MONOTONIC)`.
package func monotonicSeconds() -> Double {
    var now = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}

/// Width of the terminal on standard output; 80 where there is none. The C call is TIOCGWINSZ.
package func terminalColumns() -> Int {
    var size = winsize()
    let known = unsafe withUnsafeMutablePointer(to: &size) {
        unsafe clinux_ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), $0)
    }
    return known == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
}
