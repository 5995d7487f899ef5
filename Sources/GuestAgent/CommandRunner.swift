import CLinux
package import GuestProtocol
import SystemIO
import SystemPackage

/// Runs one program at a time, with a time limit, and passes its output on as it comes.
package struct CommandRunner {
    /// How a command ended, with the last of what it wrote.
    package struct Result: Sendable, Equatable {
        package var status: ExitStatus
        package var outputTail: [UInt8]
    }

    /// Milliseconds; 0 is no limit.
    package var timeLimit: UInt32
    /// Between SIGTERM and SIGKILL, in milliseconds.
    package var grace: UInt32 = 2000
    /// PID 1 gets the orphans of every command and has to reap them.
    package var reapsOrphans = false
    /// Becomes readable when `isCancelled` may have changed; -1 for none.
    package var wake: CInt = -1
    package var isCancelled: () -> Bool = { false }
    package var output: (OutputStream, ArraySlice<UInt8>) -> Void = { _, _ in }

    package init(timeLimit: UInt32) { self.timeLimit = timeLimit }

    /// Runs a program to its end. Its whole process group is gone afterwards.
    /// - Throws: `commandMissing`, `timeLimit`, `cancelled`, or `systemCall` where it cannot start;
    ///   an exit status other than 0 is no error.
    package func run(_ command: RunCommand) throws(Failure) -> Result {
        let path = try ProgramLookup.path(of: command)
        let outputs = try Failure.naming("pipe") { () throws(Errno) in try OutputPipes() }
        let pid = try Failure.naming("start", path.string) { () throws(Errno) in
            try ProcessSpawner.spawn(
                path,
                command,
                standardOutput: outputs.standardOutput.write,
                standardError: outputs.standardError.write
            )
        }
        outputs.closeWriteEnds()
        var running = RunningCommand(
            pid: pid,
            pidFD: try? syscall { clinux_pidfd_open(pid) },
            outputs: outputs,
            runner: self
        )
        let (status, stop) = running.watch()
        let tail = running.tail.bytes
        guard let stop else { return Result(status: status, outputTail: tail) }
        throw Failure(
            stop,
            step: "run",
            subject: path.string,
            command: Failure.abridged(command.arguments),
            status: status,
            outputTail: tail
        )
    }

    /// As `run`, for steps in which any exit status but 0 is a failure.
    package func check(_ command: RunCommand, step: String) throws(Failure) {
        let result = try run(command)
        guard result.status.isSuccess else {
            throw Failure(
                .commandFailed,
                step: step,
                command: Failure.abridged(command.arguments),
                status: result.status,
                outputTail: result.outputTail
            )
        }
    }
}
