import CLinux
import GuestProtocol
import Synchronization
import SystemIO
import SystemPackage
import TestSupport
import Testing

@testable import GuestAgent

@Suite struct CommandRunnerTests {
    private func shell(_ script: String) -> RunCommand {
        RunCommand(arguments: ["sh", "-c", script])
    }

    @Test(arguments: [
        ("true", GuestProtocol.ExitStatus.exited(0)), ("exit 3", .exited(3)),
        ("kill -9 $$", .signalled(9)),
    ])
    func statusIsAResult(script: String, status: GuestProtocol.ExitStatus) throws {
        #expect(try CommandRunner(timeLimit: 10_000).run(shell(script)).status == status)
    }

    @Test func outputsAreToldApart() throws {
        var runner = CommandRunner(timeLimit: 10_000)
        let collected = Mutex<[OutputStream: [UInt8]]>([:])
        runner.output = { stream, bytes in
            collected.withLock { $0[stream, default: []] += bytes }
        }
        let result = try runner.run(shell("echo out; echo err >&2; exit 1"))
        let outputs = collected.withLock { $0 }
        #expect(
            outputs == [.standardOutput: Array("out\n".utf8), .standardError: Array("err\n".utf8)]
        )
        #expect(result.outputTail.count == 8)
    }

    @Test func longOutputComesWholeAndLeavesItsTail() throws {
        var runner = CommandRunner(timeLimit: 20_000)
        let count = Mutex(0)
        runner.output = { _, bytes in count.withLock { $0 += bytes.count } }
        let result = try runner.run(shell("head -c 3000000 /dev/zero; printf end"))
        #expect(count.withLock { $0 } == 3_000_003)
        #expect(result.outputTail.count == ControlProtocol.outputTail)
        #expect(result.outputTail.suffix(3) == Array("end".utf8)[...])
    }

    /// The group is killed with its leader, so that nothing holds a file system afterwards.
    @Test func timeLimitEndsTheWholeGroup() throws {
        let folder = try ScratchFolder()
        let file = folder.file("pid")
        let failure = #expect(throws: Failure.self) {
            try CommandRunner(timeLimit: 300)
                .run(shell("sleep 100 & echo $! > \(file); echo waiting; wait"))
        }
        #expect(failure?.kind == .timeLimit)
        #expect(failure?.status == .signalled(UInt8(SIGTERM)))
        #expect(failure?.outputTail == Array("waiting\n".utf8))
        let text = String(decoding: try readFile(FilePath(file)), as: UTF8.self)
        let child = try #require(pid_t(trimmed(text)))
        // The orphan is a zombie, or gone, as soon as whoever adopted it gets to run.
        for _ in 0..<100 where isRunning(child) { usleep(20_000) }
        #expect(!isRunning(child))
    }

    private func isRunning(_ pid: pid_t) -> Bool {
        guard let bytes = try? readFile(FilePath("/proc/\(pid)/stat")) else { return false }
        return !String(decoding: bytes, as: UTF8.self).contains(") Z ")
    }

    @Test func deafCommandIsKilled() throws {
        var runner = CommandRunner(timeLimit: 200)
        runner.grace = 200
        let failure = #expect(throws: Failure.self) {
            try runner.run(shell("trap '' TERM; while :; do sleep 0.05; done"))
        }
        #expect(failure?.kind == .timeLimit)
        #expect(failure?.status == .signalled(UInt8(SIGKILL)))
    }

    @Test func endlessOutputDoesNotOutlastTheLimit() throws {
        var runner = CommandRunner(timeLimit: 300)
        runner.grace = 100
        let failure = #expect(throws: Failure.self) { try runner.run(shell("exec yes")) }
        #expect(failure?.kind == .timeLimit)
    }

    @Test func cancellationWakesTheRunner() throws {
        let wake = try EventFD()
        let cancelled = Atomic(false)
        var runner = CommandRunner(timeLimit: 20_000)
        runner.wake = wake.rawValue
        runner.isCancelled = { cancelled.load(ordering: .relaxed) }
        runner.output = { _, _ in
            cancelled.store(true, ordering: .relaxed)
            wake.signal()
        }
        let start = monotonicSeconds()
        let failure = #expect(throws: Failure.self) { try runner.run(shell("echo; sleep 15")) }
        #expect(failure?.kind == .cancelled)
        #expect(monotonicSeconds() - start < 10)
    }

    @Test func environmentAndDirectoryAreTheCommandsOwn() throws {
        let folder = try ScratchFolder()
        var command = shell("echo $NAME; pwd -P; read line || echo no input; umask")
        command.environment.append("NAME=value")
        command.workingDirectory = folder.path
        let result = try CommandRunner(timeLimit: 10_000).run(command)
        let lines = String(decoding: result.outputTail, as: UTF8.self).split(separator: "\n")
        #expect(lines.first == "value")
        #expect(lines.count == 4 && lines[1].hasSuffix(folder.path) && lines[2] == "no input")
    }

    @Test(arguments: [["builddisks-no-such-program"], ["/etc/passwd"], ["/"], ["/nowhere/x"]])
    func missingProgramIsNamed(arguments: [String]) {
        let failure = #expect(throws: Failure.self) {
            try CommandRunner(timeLimit: 0).run(RunCommand(arguments: arguments))
        }
        #expect(failure?.kind == .commandMissing)
        #expect(failure?.subject == arguments[0])
    }

    @Test(arguments: [[], [""]])
    func noProgramIsRefused(arguments: [String]) {
        let failure = #expect(throws: Failure.self) {
            try CommandRunner(timeLimit: 0).run(RunCommand(arguments: arguments))
        }
        #expect(failure?.kind == .invalidRequest)
    }

    @Test func directoryThatIsMissingIsAnError() {
        var command = shell("true")
        command.workingDirectory = "/nowhere"
        let failure = #expect(throws: Failure.self) {
            try CommandRunner(timeLimit: 0).run(command)
        }
        #expect(failure?.kind == .systemCall)
        #expect(failure?.errno == ENOENT)
    }

    @Test func checkTurnsAStatusIntoAFailure() {
        let failure = #expect(throws: Failure.self) {
            try CommandRunner(timeLimit: 10_000).check(shell("echo why; exit 8"), step: "check")
        }
        #expect(failure?.kind == .commandFailed)
        #expect(failure?.status == .exited(8))
        #expect(failure?.outputTail == Array("why\n".utf8))
    }

    @Test func tailKeepsTheLastBytes() {
        var tail = OutputTail(capacity: 3)
        for chunk in [[1], [], [2, 3], [4, 5, 6, 7, 8], [9]] as [[UInt8]] { tail.append(chunk) }
        #expect(tail.bytes == [7, 8, 9])
    }
}
