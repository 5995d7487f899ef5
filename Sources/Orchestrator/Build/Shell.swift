import CLinux
import GuestProtocol
import SystemIO
import SystemPackage

/// A root shell inside the bootstrap VM of a commit, with its views mounted, on the user's terminal.
package struct Shell: Sendable {
    private let tools: Tools
    private let cancellation: Cancellation

    package init(tools: Tools, cancellation: Cancellation) {
        self.tools = tools
        self.cancellation = cancellation
    }

    /// - Returns: the exit code that the shell's end comes to, as a shell has it: 128 and the signal's
    ///   number where one ended it. 0 for who left by Ctrl-].
    package func run(
        _ request: BootstrapRequest,
        reporter: any BuildReporter
    ) throws(BuildError) -> CInt {
        let machine = try BootstrapMachine(request, tools: tools, cancellation: cancellation)
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let socket = folder.path.appending("console")
        let listener = try ControlListener(socket)
        let session: VMSession
        do throws(BuildError) {
            session = try machine.start(in: folder, reporter: reporter, console: socket)
        } catch {
            throw error.with(console: Self.words(on: listener))
        }
        defer { session.stop() }
        guard var descriptor = try listener.accept(milliseconds: 1000) else {
            throw BuildError(.fault, "\(session.machine.name) did not open the console")
        }
        // A machine that was tried before this one has called, too.
        while let newer = try listener.accept(milliseconds: 0) { descriptor = newer }
        try VMInstallation.enter(session.guest, session.root)
        reporter.report(.note(Self.greeting(session.root)))
        let console = SerialConsole(
            descriptor: descriptor,
            machine: session.machine,
            cancellation: cancellation
        )
        return try attend(session, console)
    }

    private static func greeting(_ root: BootstrapRoot) -> String {
        let repository = root == .view ? "; its repository is at \(VMInstallation.repository)" : ""
        let escape = isatty(STDIN_FILENO) == 0 ? "" : " Ctrl-] leaves at once."
        return "The commit is the root\(repository).\(escape)"
    }

    /// The console is joined to the terminal by a thread of its own, while this one waits for the shell.
    private func attend(
        _ session: VMSession,
        _ console: SerialConsole
    ) throws(BuildError) -> CInt {
        let conversation = Latch<ShellEnd.Conversation>()
        let ended = Latch<Void>()
        try startWorker("shell") { [cancellation] in
            var part = MarkedOutput(marks: ShellScript.marks)
            let end = Result { () throws(BuildError) in
                try console.interact(&part, ended: ended)
            }
            conversation.set(.init(end: end, phase: part.phase, hidden: part.hidden))
            // Else the shell would run on without anybody.
            if end.value != .partOver { cancellation.cancel(signal: SIGTERM) }
        }
        // The terminal is put back by then.
        defer {
            cancellation.cancel(signal: SIGTERM)
            _ = conversation.wait(milliseconds: 2000)
        }
        let answer = Result { () throws(BuildError) in try perform(session) }
        ended.set(())
        return try ShellEnd(answer: answer, conversation: last(of: conversation)).code()
    }

    private func perform(_ session: VMSession) throws(BuildError) -> ShellEnd.Answer {
        let script = ShellScript(
            terminal: "/dev/" + type(of: session.machine).consoleDevice,
            typist: isatty(STDIN_FILENO) == 0
                ? .file : .terminal(size: terminalSize(of: STDIN_FILENO))
        )
        let (completion, _) = try session.guest.channel.perform(
            .run(RunCommand(arguments: script.command)),
            step: "run a shell",
            limit: 7 * 86_400
        )
        guard case .command(let status, let output) = completion else {
            throw BuildError(
                .fault,
                "cannot run a shell: the agent gave another kind of answer"
            )
        }
        return ShellEnd.Answer(status: status, output: output)
    }

    /// Once the shell has ended its last words are under way, for as long as whoever reads ours takes, or
    /// until the user has had enough.
    private func last(of conversation: Latch<ShellEnd.Conversation>) -> ShellEnd.Conversation {
        while true {
            if let end = conversation.wait(milliseconds: 200) { return end }
            do throws(BuildError) {
                try cancellation.check()
            } catch {
                return conversation.wait(milliseconds: 200)
                    ?? .init(end: .failure(error), phase: .within, hidden: [])
            }
        }
    }

    /// The last of what machines that did not come up wrote.
    private static func words(on listener: ControlListener) -> [String] {
        var bytes: [UInt8] = []
        while let console = try? listener.accept(milliseconds: 0) {
            bytes += (try? readSome(console.rawValue, limit: 1 << 18)) ?? []
        }
        return lastLines(of: bytes, count: 30)
    }
}

extension Result {
    fileprivate var value: Success? { try? get() }
}
