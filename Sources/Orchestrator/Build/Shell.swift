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

    package func run(
        _ request: BootstrapRequest,
        reporter: any BuildReporter
    ) throws(BuildError) {
        let machine = try BootstrapMachine(request, tools: tools, cancellation: cancellation)
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let socket = folder.path.appending("console")
        let listener = try ControlListener(socket)
        let session = try machine.start(in: folder, reporter: reporter, console: socket)
        defer { session.stop() }
        guard var descriptor = try listener.accept(milliseconds: 1000) else {
            throw BuildError(.fault, "\(session.machine.name) did not open the console")
        }
        // A machine that was tried before this one has called, too.
        while let newer = try listener.accept(milliseconds: 0) { descriptor = newer }
        try VMInstallation.enter(session.guest, session.root)
        let repository =
            session.root == .view ? "; its repository is at \(VMInstallation.repository)" : ""
        print("The commit is the root\(repository).")
        print("Ctrl-] leaves at once.")
        let console = SerialConsole(
            descriptor: descriptor,
            machine: session.machine,
            cancellation: cancellation
        )
        // The console belongs to the shell while this thread waits for the shell's end.
        try startWorker("shell") { [cancellation] in
            _ = try? console.interact()
            cancellation.cancel(signal: SIGTERM)
        }
        let terminal = "/dev/" + type(of: session.machine).consoleDevice
        do throws(BuildError) {
            _ = try session.guest.channel.perform(
                .run(
                    RunCommand(arguments: [
                        "/bin/sh", "-c",
                        // No `exec`: setsid, as the leader of its group, would not wait for the shell.
                        "if command -v setsid >/dev/null; then setsid -c /bin/sh -i"
                            + " <>\(terminal) >&0 2>&0; else /bin/sh -i <>\(terminal) >&0 2>&0; fi"
                            + "; exit $?",
                    ])
                ),
                step: "run a shell",
                limit: 7 * 86_400
            )
        } catch {
            // Ctrl-] is how a user leaves; anything else is worth telling.
            if case .interrupted = error.kind { return }
            throw error
        }
    }
}
