import SystemIO
package import SystemPackage

/// Why a build, check or boot ended without its result: what failed, where, and what to do next.
package struct BuildError: Error, Sendable {
    /// Whose fault it is; decides the exit code.
    package enum Kind: Sendable, Equatable {
        /// The command line or the configuration asks for something that makes no sense.
        case usage
        /// The host lacks something, or the output cannot be written.
        case host
        /// A repository, ref, object or disk is wrong, missing or corrupt.
        case input
        /// The guest or a boot failed otherwise.
        case guest
        /// No room on the host or on the disk.
        case space
        /// Another run holds the output.
        case busy
        /// A fault of ours.
        case fault
        /// SIGINT, SIGTERM or SIGHUP, by number.
        case interrupted(CInt)
    }

    package var kind: Kind
    /// One sentence: what failed and where.
    package var message: String
    /// What the user can do about it.
    package var hint: String?
    /// Lines that help to see why: a failed command's output, the guest's last console lines.
    package var details: [String]

    /// The program that failed, with its arguments.
    package var command: String?
    /// Of the system call that failed, here or in the guest.
    package var errno: Errno?
    /// Last lines of the guest's console.
    package var console: [String] = []
    /// The file that the whole report is in, if there is one.
    package var report: String?

    package init(_ kind: Kind, _ message: String, hint: String? = nil, details: [String] = []) {
        self.kind = kind
        self.message = message
        self.hint = hint
        self.details = details
    }

    /// Whether the user ended it.
    package var isInterruption: Bool {
        if case .interrupted = kind { true } else { false }
    }

    /// For people: what failed, why, what to do.
    package var lines: [String] {
        [message] + details.map { "| \($0)" } + [hint].compactMap(\.self)
            + [report.map { "The whole report: \($0)" }].compactMap(\.self)
    }

    /// The exit code of the command (docs in README, "Exit codes").
    package var exitCode: CInt {
        switch kind {
        case .usage: 2
        case .host: 3
        case .input: 4
        case .guest: 5
        case .space: 6
        case .busy: 7
        case .fault: 70
        case .interrupted(let signal): 128 + signal
        }
    }

    /// A failed system call on a path: ENOSPC and EDQUOT are a matter of space, all else the host's.
    package static func system(_ errno: Errno, _ action: String, _ path: FilePath) -> BuildError {
        var error: BuildError
        switch errno {
        case .noSpace, .diskQuotaExceeded:
            let free = (try? freeSpace(path.removingLastComponent())).map {
                " (\(ProgressText.megabytes($0)) MB are free there)"
            }
            error = BuildError(
                .space,
                "\(action) \(path): \(errno)\(free ?? "")",
                hint: "Free space there, or choose another folder with --output."
            )
        case .permissionDenied, .notPermitted, .readOnlyFileSystem:
            error = BuildError(
                .host,
                "\(action) \(path): \(errno)",
                hint: "Choose a folder that you may write, with --output."
            )
        default:
            error = BuildError(.host, "\(action) \(path): \(errno)")
        }
        error.errno = errno
        return error
    }

    /// This, or if the file system of the disk's file is full, that first: a guest whose writes fail only
    /// knows of an input/output error, and says so in many ways.
    /// - Parameter obstacle: why the file system takes no more; nil if it does.
    func blamingSpace(
        of file: FilePath,
        obstacle: (FilePath) -> Errno? = {
            SystemIO.obstacle(toAllocating: leastRoom, at: $0)
        }
    ) -> BuildError {
        guard let errno = obstacle(FilePath(file.string + ".room")),
            errno == .noSpace || errno == .diskQuotaExceeded
        else { return self }
        var told = BuildError.system(errno, "cannot write", file)
        told.details = [message] + details
        told.command = command
        told.console = console
        return told
    }

    /// More than a machine writes at once, so that where it found no room there is none of this size.
    private static let leastRoom: UInt64 = 4 << 20
}

/// `startThread`, with a failure as the user is told it.
func startWorker(
    _ name: String,
    _ body: @escaping @Sendable () -> Void
) throws(BuildError) {
    do throws(Errno) {
        try startThread(named: name, body)
    } catch {
        throw BuildError(
            .host,
            "cannot start a thread: \(error)",
            hint: "Raise the limit of processes (`ulimit -u`)."
        )
    }
}
