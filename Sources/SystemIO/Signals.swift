import CLinux
package import SystemPackage

/// Termination signals as data: blocked in the whole process and read from a descriptor.
///
/// Call `TerminationSignals.block()` before any thread is made, as threads inherit the mask.
package enum TerminationSignals {
    /// The signals a user or a system manager ends a command with.
    private static let numbers: [CInt] = [SIGINT, SIGTERM, SIGHUP]

    package static func block() {
        var set = Self.set
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        // A peer that went away shows as EPIPE, not as our death.
        clinux_ignore_signal(SIGPIPE)
    }

    /// Calls `handler` with the number of each termination signal, on a thread of its own.
    package static func observe(_ handler: @escaping @Sendable (CInt) -> Void) throws(Errno) {
        var set = Self.set
        let descriptor = SharedFD(
            OwnedFD(try syscall { unsafe signalfd(-1, &set, CInt(SFD_CLOEXEC)) })
        )
        try startThread(named: "signals") {
            var info = signalfd_siginfo()
            while true {
                let size = unsafe withUnsafeMutableBytes(of: &info) {
                    unsafe read(descriptor.rawValue, $0.baseAddress, $0.count)
                }
                if size > 0 { handler(CInt(info.ssi_signo)) }
            }
        }
    }

    private static var set: sigset_t {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in numbers { unsafe sigaddset(&set, number) }
        return set
    }
}

/// Starts a thread that runs `body` once and is never joined.
/// - Throws: EAGAIN where the user's limit of processes is reached.
package func startThread(
    named name: String,
    _ body: @escaping @Sendable () -> Void
) throws(Errno) {
    _ = try Thread(name: name, body)
}
