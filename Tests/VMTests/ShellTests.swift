import Foundation
import TestSupport
import Testing

/// `builddisks shell` on a terminal, as a person has it.
extension VirtualMachineTests {
    @Suite struct ShellTests {
        static let accelerators = VMEnvironment.hasUserModeLinux ? ["tcg", "uml"] : ["tcg"]

        /// The machine stays until the shell ends, and no longer.
        @Test(arguments: accelerators)
        func commandsAreAnswered(accelerator: String) throws {
            let environment = try VMEnvironment.shared.get()
            let folder = try environment.userFolder()
            let result = try environment.shell(
                in: folder,
                accelerator,
                "echo $((6 * 7)) is the answer; ls /run/builddisks/repo"
            )
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output.contains("42 is the answer"), "\(result.output)")
            #expect(result.output.contains("objects"), "\(result.output)")
            #expect(try leftovers(folder.path) == [])
        }
    }
}

extension VMEnvironment {
    /// Types commands once there is a prompt, prints what the terminal showed, exits as it does.
    private static let typist = """
        import os, pty, select, sys, time
        pid, terminal = pty.fork()
        if pid == 0: os.execvp(sys.argv[2], sys.argv[2:])
        shown, typed, end = b"", False, time.monotonic() + 120
        while time.monotonic() < end:
            if select.select([terminal], [], [], 0.2)[0]:
                try: data = os.read(terminal, 4096)
                except OSError: break
                if not data: break
                shown += data
            if not typed and b"# " in shown[-9:]:
                typed = True
                os.write(terminal, sys.argv[1].encode() + b"; exit\\n")
        else: os.kill(pid, 9)
        sys.stdout.write(shown.decode(errors="replace"))
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        """

    /// `builddisks shell`, in which somebody types these commands.
    func shell(
        in folder: ScratchFolder,
        _ accelerator: String,
        _ commands: String,
        _ more: [String] = []
    ) throws -> CommandResult {
        try RunningCommand(
            OrdinaryUser.prefix + [
                "/usr/bin/python3", "-c", Self.typist, commands, builddisks, "shell", "--repo",
                repository, "--ref", Self.ref, "--accel", accelerator,
            ] + more,
            environment: userVariables(folder)
        ).wait()
    }
}
