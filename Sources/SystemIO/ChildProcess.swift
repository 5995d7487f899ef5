import CLinux
package import SystemPackage

/// A child process that dies with this one.
///
/// The child is started through a launcher (an executable of ours called as
/// `LAUNCHER launch-child PARENT-PID PROGRAM ARGUMENT…`) which asks the kernel for SIGKILL on the
/// parent's death before it becomes PROGRAM; see `launchChild`.
package final class ChildProcess: Sendable {
    package let processID: Int32
    private let pidFD: SharedFD

    /// How a process ended.
    package enum Exit: Sendable, Equatable {
        case status(CInt)
        case signal(CInt)

        package var isSuccess: Bool { self == .status(0) }
        package var description: String {
            switch self {
            case .status(let code): "exit status \(code)"
            case .signal(let number): "killed by signal \(number)"
            }
        }
    }

    private static let spawner = Result { () throws(Errno) in try ImmortalThread() }
    private let ended = Latch<Exit>()

    private init(processID: Int32, pidFD: consuming OwnedFD) {
        self.processID = processID
        self.pidFD = SharedFD(pidFD)
    }

    /// Starts `program` with its own process group (a Ctrl-C at the terminal reaches only us), the
    /// signal mask cleared, and the three standard descriptors as given (-1: /dev/null).
    package static func start(
        launcher: FilePath,
        _ program: FilePath,
        _ arguments: [String],
        standardInput: CInt = -1,
        standardOutput: CInt = -1,
        standardError: CInt = -1
    ) throws(Errno) -> ChildProcess {
        let argv =
            [launcher.string, "launch-child", String(getpid()), program.string] + arguments
        let outcome = try spawner.get().sync { () -> Result<pid_t, Errno> in
            do throws(Errno) {
                return .success(
                    try spawn(launcher, argv, [standardInput, standardOutput, standardError])
                )
            } catch {
                return .failure(error)
            }
        }
        let pid = try outcome.get()
        let child = ChildProcess(
            processID: pid,
            pidFD: OwnedFD(try syscall { clinux_pidfd_open(pid) })
        )
        return child
    }

    /// Sends a signal to the child's whole process group.
    package func signal(_ number: CInt) {
        if ended.wait(milliseconds: 0) == nil { _ = kill(-processID, number) }
    }

    /// Waits at most `milliseconds` (-1: without limit); nil when the child still runs.
    package func wait(milliseconds: CInt = -1) -> Exit? {
        if let exit = ended.wait(milliseconds: 0) { return exit }
        var descriptor = pollfd(fd: pidFD.rawValue, events: Int16(POLLIN), revents: 0)
        while true {
            let ready = unsafe poll(&descriptor, 1, milliseconds)
            if ready == 0 { return nil }
            if ready > 0 { break }
        }
        var status: CInt = 0
        let reaped = unsafe waitpid(processID, &status, 0)
        if reaped == processID {
            ended.set(
                clinux_wifsignaled(status) != 0
                    ? .signal(clinux_wtermsig(status)) : .status(clinux_wexitstatus(status))
            )
        }
        return ended.wait()
    }

    /// SIGTERM, then SIGKILL when the child is still there after `grace` milliseconds; reaps it.
    @discardableResult
    package func terminate(grace: CInt = 2000) -> Exit {
        signal(SIGTERM)
        if let exit = wait(milliseconds: grace) { return exit }
        signal(SIGKILL)
        return wait() ?? .signal(SIGKILL)
    }

    private static func spawn(
        _ path: FilePath,
        _ argv: [String],
        _ descriptors: [CInt]
    ) throws(Errno) -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for (target, source) in descriptors.enumerated() {
            if source >= 0 {
                unsafe posix_spawn_file_actions_adddup2(&actions, source, CInt(target))
            } else {
                unsafe posix_spawn_file_actions_addopen(
                    &actions,
                    CInt(target),
                    "/dev/null",
                    target == 0 ? O_RDONLY : O_WRONLY,
                    0
                )
            }
        }
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        unsafe sigemptyset(&none)
        unsafe sigfillset(&all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        unsafe posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP)
        )
        return try unsafe withCStringArray(argv) { (arguments) throws(Errno) -> pid_t in
            var pid: pid_t = 0
            let code = unsafe path.withPlatformString {
                unsafe posix_spawn(&pid, $0, &actions, &attributes, arguments, clinux_environ())
            }
            guard code == 0 else { throw Errno(rawValue: code) }
            return pid
        }
    }
}

/// What the launcher does: becomes `argv[0]` after it has asked for SIGKILL on the death of the
/// parent. Returns only when that failed.
package func launchChild(parent: Int32, _ argv: [String]) -> Errno {
    guard !argv.isEmpty else { return .invalidArgument }
    _ = clinux_prctl(CInt(PR_SET_PDEATHSIG), UInt(SIGKILL))
    // The parent may have died before the line above: then nobody would ever signal us.
    guard getppid() == parent else { return .noSuchProcess }
    do throws(Errno) {
        try unsafe withCStringArray(argv) { (arguments) throws(Errno) -> Void in
            try syscall(retryOnInterrupt: false) { unsafe execvp(arguments[0]!, arguments) }
        }
        return .noSuchProcess
    } catch {
        return error
    }
}

/// A NULL-terminated `char *[]` for the length of a call.
private func withCStringArray<Value>(
    _ strings: [String],
    _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) throws(Errno) -> Value
) throws(Errno) -> Value {
    // SAFETY: every string is duplicated and freed here; the array outlives the call.
    let pointers = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(
        capacity: strings.count + 1
    )
    for (index, string) in strings.enumerated() { unsafe pointers[index] = strdup(string) }
    unsafe pointers[strings.count] = nil
    defer {
        for index in strings.indices { unsafe free(pointers[index]) }
        unsafe pointers.deallocate()
    }
    return try unsafe body(pointers)
}
