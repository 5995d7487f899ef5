import CLinux

/// How large the terminal of a descriptor is; nil where it is none, or does not know. The C call is
/// TIOCGWINSZ.
package func terminalSize(of descriptor: CInt) -> (rows: Int, columns: Int)? {
    var size = winsize()
    let known = unsafe withUnsafeMutablePointer(to: &size) {
        unsafe clinux_ioctl(descriptor, UInt(TIOCGWINSZ), $0)
    }
    guard known == 0, size.ws_row > 0, size.ws_col > 0 else { return nil }
    return (Int(size.ws_row), Int(size.ws_col))
}

/// Width of the terminal on standard output; 80 where there is none.
package func terminalColumns() -> Int { terminalSize(of: STDOUT_FILENO)?.columns ?? 80 }

/// Standard input's terminal with every key passed on as it is (cfmakeraw), put back at the end.
/// Nothing happens where standard input is no terminal. The C function is `tcsetattr`.
package struct RawTerminal: ~Copyable {
    private var saved: termios?

    package init() {
        var settings = termios()
        guard unsafe tcgetattr(STDIN_FILENO, &settings) == 0 else { return }
        saved = settings
        unsafe cfmakeraw(&settings)
        unsafe tcsetattr(STDIN_FILENO, TCSANOW, &settings)
    }

    deinit {
        if var saved { unsafe tcsetattr(STDIN_FILENO, TCSANOW, &saved) }
    }
}
