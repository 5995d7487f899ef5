import CLinux

/// Signals that the process waits for instead of being interrupted. Make it before any thread.
struct SignalWait {
    private let set: sigset_t

    /// Also has a peer that went away show as EPIPE.
    init(_ numbers: [CInt]) {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in numbers { unsafe sigaddset(&set, number) }
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        clinux_ignore_signal(SIGPIPE)
        self.set = set
    }

    /// Waits for the next. The C function is `sigwait`.
    func next() -> CInt {
        var set = set
        var number: CInt = 0
        while unsafe sigwait(&set, &number) != 0 {}
        return number
    }
}

/// As many descriptors as the system allows: the exports' budget comes from this limit.
func raiseDescriptorLimit() {
    let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    guard unsafe getrlimit(files, &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = unsafe setrlimit(files, &limit)
}
