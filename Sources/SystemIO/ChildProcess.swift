import CLinux
import Synchronization
package import SystemPackage

/// A child process that dies with this one.
///
/// The child is started through a launcher (an executable of ours called as
/// `LAUNCHER launch-child PARENT-PID PROGRAM ARGUMENT…`) which asks the kernel for SIGKILL on the
/// parent's death before it becomes PROGRAM; see `launchChild`.
package final class ChildProcess: Sendable {
    package let processID: Int32
    private let pidFD: SharedFD
    private let isSupervised: Bool

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

    /// Those that are not reaped yet: all other children are orphans of a supervisor.
    private static let known = Mutex<Set<pid_t>>([])
    /// Whoever became this program (`exec`) may have had children: those are none of ours. Looked at
    /// before the first supervisor starts, when none can be an orphan.
    private static let strangers = known.withLock { known in
        Set(childProcesses(of: getpid())).subtracting(known)
    }
    private static let spawner = Result { () throws(Errno) in try ImmortalThread() }
    private let ended = Latch<Exit>()

    private init(processID: Int32, pidFD: consuming OwnedFD, isSupervised: Bool) {
        self.processID = processID
        self.isSupervised = isSupervised
        self.pidFD = SharedFD(pidFD)
    }

    /// Starts `program` with its own process group (a Ctrl-C at the terminal reaches only us), the
    /// signal mask cleared, and the three standard descriptors as given (-1: /dev/null).
    /// - Parameters:
    ///   - environment: variables to set besides our own.
    ///   - supervision: for a program that has processes of its own, which are to end with it.
    ///   - inherited: what the program finds as descriptor 3 (-1: nothing).
    package static func start(
        launcher: FilePath,
        _ program: FilePath,
        _ arguments: [String],
        environment: [String: String] = [:],
        supervision: Supervision? = nil,
        standardInput: CInt = -1,
        standardOutput: CInt = -1,
        standardError: CInt = -1,
        inherited: CInt = -1
    ) throws(Errno) -> ChildProcess {
        let command = supervision.map(\.command) ?? ["launch-child"]
        let argv =
            [launcher.string] + command + [String(getpid()), program.string] + arguments
        // A supervisor that is killed leaves its descendants: they become ours.
        if supervision != nil {
            _ = strangers
            try syscall { clinux_prctl(CInt(PR_SET_CHILD_SUBREAPER), 1) }
        }
        let outcome = try spawner.get().sync { () -> Result<pid_t, Errno> in
            known.withLock { known -> Result<pid_t, Errno> in
                do throws(Errno) {
                    let child = try spawn(
                        launcher,
                        argv,
                        environment,
                        [standardInput, standardOutput, standardError]
                            + (inherited < 0 ? [] : [inherited])
                    )
                    known.insert(child)
                    return .success(child)
                } catch {
                    return .failure(error)
                }
            }
        }
        let pid = try outcome.get()
        let child = ChildProcess(
            processID: pid,
            pidFD: OwnedFD(try syscall { clinux_pidfd_open(pid) }),
            isSupervised: supervision != nil
        )
        return child
    }

    /// Sends a signal to the child's whole process group; to its supervisor alone where there is one,
    /// which ends the others in the right order.
    package func signal(_ number: CInt) {
        guard ended.wait(milliseconds: 0) == nil else { return }
        _ = kill(isSupervised && number != SIGKILL ? processID : -processID, number)
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
        // Whatever of its process group is still there ends with it. Before it is reaped: until then
        // the group's number cannot be anybody else's.
        Self.known.withLock { known in
            if known.contains(processID) { _ = kill(-processID, SIGKILL) }
        }
        if isSupervised { Self.endOrphans() }
        var status: CInt = 0
        // Of several threads that wait, one reaps it.
        let isOurs = Self.known.withLock { known in
            guard known.remove(processID) != nil else { return false }
            return unsafe waitpid(processID, &status, 0) == processID
        }
        if isOurs {
            ended.set(
                clinux_wifsignaled(status) != 0
                    ? .signal(clinux_wtermsig(status)) : .status(clinux_wexitstatus(status))
            )
        }
        return ended.wait()
    }

    /// Kills and reaps what a killed supervisor left: children that we did not start. One that dies may
    /// leave children of its own.
    private static func endOrphans() {
        while true {
            let orphans = known.withLock { known in
                childProcesses(of: getpid()).filter {
                    !known.contains($0) && !strangers.contains($0)
                }
            }
            if orphans.isEmpty { return }
            for orphan in orphans {
                kill(orphan, SIGKILL)
                waitpid(orphan, nil, 0)
            }
        }
    }

    /// SIGTERM, then SIGKILL when the child is still there after `grace` milliseconds; reaps it.
    @discardableResult
    package func terminate(grace: CInt = 2000) -> Exit {
        signal(SIGTERM)
        if let exit = wait(milliseconds: grace) { return exit }
        signal(SIGKILL)
        return wait() ?? .signal(SIGKILL)
    }

    /// - Parameter newGroup: whether the child leads a process group of its own.
    static func spawn(
        _ path: FilePath,
        _ argv: [String],
        _ environment: [String: String],
        _ descriptors: [CInt],
        newGroup: Bool = true
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
            Int16(
                POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
                    | (newGroup ? POSIX_SPAWN_SETPGROUP : 0)
            )
        )
        let variables = environmentStrings(with: environment)
        return try unsafe withCStringArray(argv) { (arguments) throws(Errno) -> pid_t in
            try unsafe withCStringArray(variables) { (variables) throws(Errno) -> pid_t in
                var pid: pid_t = 0
                let code = unsafe path.withPlatformString {
                    unsafe posix_spawn(&pid, $0, &actions, &attributes, arguments, variables)
                }
                guard code == 0 else { throw Errno(rawValue: code) }
                return pid
            }
        }
    }

    /// Our own environment, "NAME=value" each, with some variables set anew.
    private static func environmentStrings(with new: [String: String]) -> [String] {
        var strings: [String] = []
        var next = unsafe clinux_environ()
        while let entry = unsafe next?.pointee {
            let text = unsafe String(cString: entry)
            let name = text.prefix { $0 != "=" }
            if new[String(name)] == nil { strings.append(text) }
            unsafe next = next?.successor()
        }
        return strings + new.map { "\($0.key)=\($0.value)" }.sorted()
    }
}

/// What the launcher does: becomes `argv[0]` after it has asked for SIGKILL on the death of the
/// parent. Returns only when that failed.
package func launchChild(parent: Int32, _ argv: [String]) -> Errno {
    guard !argv.isEmpty else { return .invalidArgument }
    _ = clinux_prctl(CInt(PR_SET_PDEATHSIG), UInt(SIGKILL))
    // The parent may have died before the line above: then nobody would ever signal us.
    guard getppid() == parent else { return .noSuchProcess }
    // The program is to find signals as a shell would leave them, not as our own `main` set them.
    var none = sigset_t()
    unsafe sigemptyset(&none)
    unsafe pthread_sigmask(SIG_SETMASK, &none, nil)
    clinux_default_signal(SIGPIPE)
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
