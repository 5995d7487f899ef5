import CLinux

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
