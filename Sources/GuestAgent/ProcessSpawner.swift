import CLinux
import GuestProtocol
import Synchronization
import SystemIO
import SystemPackage

/// A pipe's two ends; the read end does not block.
final class OutputPipe: Sendable {
    private let reading: SharedFD
    private let writing: Mutex<SharedFD?>
    private let ended = Atomic(false)

    init() throws(Errno) {
        var raw: [CInt] = [-1, -1]
        try syscall { unsafe pipe2(&raw, O_CLOEXEC) }
        reading = SharedFD(OwnedFD(raw[0]))
        writing = Mutex(SharedFD(OwnedFD(raw[1])))
        try syscall { clinux_fcntl(raw[0], F_SETFL, O_NONBLOCK) }
    }

    var read: CInt { reading.rawValue }
    var write: CInt { writing.withLock { $0?.rawValue ?? -1 } }
    var isOpen: Bool { !ended.load(ordering: .relaxed) }

    func closeWriteEnd() { writing.withLock { $0 = nil } }

    /// What is there now; 0 when that is nothing.
    func read(into buffer: inout [UInt8]) -> Int {
        guard isOpen else { return 0 }
        let count = unsafe buffer.withUnsafeMutableBytes {
            unsafe CLinux.read(read, $0.baseAddress, $0.count)
        }
        if count == 0 { ended.store(true, ordering: .relaxed) }
        return max(count, 0)
    }
}

struct OutputPipes: Sendable {
    let standardOutput: OutputPipe
    let standardError: OutputPipe

    init() throws(Errno) {
        standardOutput = try OutputPipe()
        standardError = try OutputPipe()
    }

    func closeWriteEnds() {
        standardOutput.closeWriteEnd()
        standardError.closeWriteEnd()
    }
}

/// Finds a command's program as execvp(3) does, but in the PATH of the command's environment.
enum ProgramLookup {
    static func path(of command: RunCommand) throws(Failure) -> FilePath {
        guard let name = command.arguments.first, !name.isEmpty else {
            throw Failure(.invalidRequest, step: "run", subject: "no program")
        }
        guard let path = find(name, environment: command.environment) else {
            throw Failure(
                .commandMissing,
                step: "run",
                subject: name,
                command: Failure.abridged(command.arguments)
            )
        }
        return path
    }

    static func find(_ name: String, environment: [String]) -> FilePath? {
        if name.contains("/") { return isProgram(FilePath(name)) ? FilePath(name) : nil }
        let variable = environment.last { $0.hasPrefix("PATH=") } ?? "PATH=/usr/bin:/bin"
        return variable.dropFirst(5).split(separator: ":")
            .map { FilePath(String($0)).appending(name) }
            .first(where: isProgram)
    }

    private static func isProgram(_ path: FilePath) -> Bool {
        mayAccess(path, X_OK) && (try? FileStatus(path).kind) == .regular
    }
}

enum ProcessSpawner {
    /// Starts `program` as the leader of a process group of its own, signals as a shell leaves them,
    /// standard input from /dev/null. The C function is `posix_spawn`.
    static func spawn(
        _ program: FilePath,
        _ command: RunCommand,
        standardOutput: CInt,
        standardError: CInt
    ) throws(Errno) -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, standardOutput, 1)
        unsafe posix_spawn_file_actions_adddup2(&actions, standardError, 2)
        unsafe posix_spawn_file_actions_addchdir_np(&actions, command.workingDirectory)

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
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))

        let arguments = unsafe CStrings(command.arguments)
        let environment = unsafe CStrings(command.environment)
        var pid: pid_t = 0
        let code = unsafe program.withPlatformString {
            unsafe posix_spawn(
                &pid,
                $0,
                &actions,
                &attributes,
                arguments.pointers,
                environment.pointers
            )
        }
        guard code == 0 else { throw Errno(rawValue: code) }
        return pid
    }
}

/// A NULL-terminated `char *[]`, freed with this object.
@unsafe private final class CStrings {
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ strings: [String]) {
        // SAFETY: every element is set before use; `count` of them are ours to free.
        unsafe count = strings.count
        unsafe pointers = .allocate(capacity: count + 1)
        for (index, string) in strings.enumerated() { unsafe pointers[index] = strdup(string) }
        unsafe pointers[count] = nil
    }

    deinit {
        for index in unsafe 0..<count { unsafe free(pointers[index]) }
        unsafe pointers.deallocate()
    }
}
