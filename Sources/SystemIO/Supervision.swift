import CLinux
package import SystemPackage

/// For a child that starts processes of its own, as User-mode Linux does: a supervisor between it and
/// us, which outlives neither. However we end, or the child, the supervisor ends all that is left.
package struct Supervision: Sendable {
    /// nil confines nothing.
    package var confinement: Confinement?
    /// All of them take turns on one of the host's processors. Where a process and those that it traces
    /// wait for one another, waking another processor each time costs more than it brings.
    package var isOnOneProcessor: Bool

    package init(confinement: Confinement? = nil, isOnOneProcessor: Bool = false) {
        self.confinement = confinement
        self.isOnOneProcessor = isOnOneProcessor
    }

    package static let commandName = "supervise-child"

    /// The launcher's arguments before PARENT-PID PROGRAM ARGUMENT….
    var command: [String] {
        [Self.commandName]
            + (confinement?.readable ?? []).map { "--readable=\($0)" }
            + (confinement?.writable ?? []).map { "--writable=\($0)" }
            + (isOnOneProcessor ? ["--one-processor"] : [])
    }
}

/// What the supervisor does: starts `argv` and waits for its end or for the parent's. Then it ends
/// every descendant, and itself as the program ended.
/// - Parameters:
///   - launcher: an executable that knows `launch-child`.
///   - parent: whose end is ours.
///   - supervision: the limits of what is started.
/// - Returns: only when the program could not be started.
package func superviseChild(
    launcher: FilePath,
    parent: Int32,
    supervision: Supervision,
    _ argv: [String]
) -> Errno {
    do throws(Errno) {
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        for number in [SIGTERM, SIGINT, SIGHUP, SIGCHLD] { unsafe sigaddset(&signals, number) }
        unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
        let events = OwnedFD(try syscall { unsafe signalfd(-1, &signals, CInt(SFD_CLOEXEC)) })
        _ = clinux_prctl(CInt(PR_SET_PDEATHSIG), UInt(SIGTERM))
        // The parent may have died before the line above: then nobody would ever signal us.
        guard getppid() == parent else { return .noSuchProcess }
        // Processes whose parents have died become ours.
        try syscall { clinux_prctl(CInt(PR_SET_CHILD_SUBREAPER), 1) }
        // A kernel that panics aborts: that is no fault to be dumped in the user's folder.
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        _ = try supervision.confinement?.enter()
        if supervision.isOnOneProcessor { stayOnThisProcessor() }
        let child = try ChildProcess.spawn(
            launcher,
            [launcher.string, "launch-child", String(getpid())] + argv,
            [:],
            [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO],
            newGroup: false
        )
        while true {
            let event = try readSome(events.rawValue, limit: 128)
            let number = event.first.map(CInt.init) ?? SIGTERM
            if number == SIGCHLD, !hasEnded(child) {
                reapOthers(than: child)
                continue
            }
            end(like: endDescendants(child))
        }
    } catch {
        return error
    }
}

private func hasEnded(_ child: pid_t) -> Bool { clinux_has_ended(child) != 0 }

/// Orphans that have become ours and have ended.
private func reapOthers(than child: pid_t) {
    while true {
        let ended = clinux_ended_child()
        guard ended > 0, ended != child else { return }
        waitpid(ended, nil, 0)
    }
}

/// Kills all descendants and reaps them.
/// - Returns: the wait status of `child`.
private func endDescendants(_ child: pid_t) -> CInt {
    // A tracer that dies lets its tracees run on, with system calls that reach the real kernel. So
    // it is stopped first, and goes after them.
    kill(child, SIGSTOP)
    var status = SIGKILL
    while true {
        let others = descendants(of: getpid()).filter { $0 != child }
        for process in others { kill(process, SIGKILL) }
        kill(child, SIGKILL)
        while true {
            var ended: CInt = 0
            let process = unsafe waitpid(-1, &ended, WNOHANG)
            if process == child { status = ended }
            if process < 0 { return status }
            if process == 0 { break }
        }
        usleep(1000)
    }
}

/// Ends this process as another one ended.
private func end(like status: CInt) -> Never {
    if clinux_wifsignaled(status) != 0 {
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe pthread_sigmask(SIG_SETMASK, &none, nil)
        kill(getpid(), clinux_wtermsig(status))
    }
    exit(clinux_wexitstatus(status))
}

/// All processes below one, from /proc/PID/stat.
private func descendants(of root: pid_t) -> [pid_t] {
    let children = processTree()
    var found: [pid_t] = []
    var next = children[root] ?? []
    while let process = next.popLast() {
        found.append(process)
        next += children[process] ?? []
    }
    return found
}

/// A process's own children, ended ones that nobody has reaped included.
func childProcesses(of parent: pid_t) -> [pid_t] { processTree()[parent] ?? [] }

/// Children by parent.
private func processTree() -> [pid_t: [pid_t]] {
    var children: [pid_t: [pid_t]] = [:]
    for name in (try? directoryNames("/proc")) ?? [] {
        guard let process = pid_t(name), let parent = parent(of: process) else { continue }
        children[parent, default: []].append(process)
    }
    return children
}

/// "PID (NAME) STATE PPID …", where NAME may hold anything.
private func parent(of process: pid_t) -> pid_t? {
    guard let bytes = try? readFile(FilePath("/proc/\(process)/stat"), limit: 4096),
        let bracket = bytes.lastIndex(of: UInt8(ascii: ")"))
    else { return nil }
    let fields = bytes[(bracket + 1)...].split(separator: UInt8(ascii: " "))
    return fields.count > 1 ? pid_t(String(decoding: fields[1], as: UTF8.self)) : nil
}
