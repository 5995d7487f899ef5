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

        /// A guest's terminal is as large as the user's.
        @Test(arguments: accelerators)
        func theSizeIsKnown(accelerator: String) throws {
            let environment = try VMEnvironment.shared.get()
            let folder = try environment.userFolder()
            let result = try environment.shell(in: folder, accelerator, "stty size")
            #expect(result.output.contains("31 97"), "\(result.output)")
        }

        /// A script has the shell's output and nothing else, and the shell's exit status.
        @Test(arguments: accelerators)
        func aScript(accelerator: String) throws {
            let environment = try VMEnvironment.shared.get()
            let folder = try environment.userFolder()
            func run(_ script: String) throws -> CommandResult {
                try environment.shell(in: folder, accelerator, script: script)
            }
            let seven = try run("echo one\nprintf 'two\n'\nexit 7\necho three\n")
            #expect(seven.status == 7, "\(seven.errors)")
            #expect(seven.output == "one\ntwo\n")
            #expect(seven.errors.contains("The commit is the root"), "\(seven.errors)")
            // Whose last line has no end.
            let killed = try run("echo one; kill -KILL $$")
            #expect(killed.status == 128 + 9, "\(killed.errors)")
            #expect(killed.output.hasPrefix("one\n"), "\(killed.output)")
        }

        /// What the shell wrote comes to its end, however late it is read; what cannot be written is missed.
        @Test(arguments: accelerators)
        func aSlowReader(accelerator: String) throws {
            let environment = try VMEnvironment.shared.get()
            let folder = try environment.userFolder()
            func run(_ redirection: String) throws -> CommandResult {
                try environment.shell(
                    in: folder,
                    accelerator,
                    script: "seq 30000",
                    redirection: redirection
                )
            }
            let slow = try run("| (sleep 25; tail -n 1)")
            #expect(slow.output == "30000\n", "\(slow.errors)")
            let full = try run("> /dev/full")
            #expect(full.status == 3)
            #expect(full.errors.contains("cannot write to standard output"), "\(full.errors)")
            #expect(try leftovers(folder.path) == [])
        }

        /// In a script no byte is a key.
        @Test(arguments: accelerators)
        func bytesThatAreKeys(accelerator: String) throws {
            let environment = try VMEnvironment.shared.get()
            let folder = try environment.userFolder()
            // Ctrl-], Ctrl-C, Ctrl-U, Ctrl-W, Ctrl-V, Ctrl-R, Ctrl-Z, Ctrl-\\, DEL.
            let text = "a\u{1D}b\u{3}c\u{15}d\u{17}e\u{16}f\u{12}g\u{1A}h\u{1C}i\u{7F}j"
            let result = try environment.shell(
                in: folder,
                accelerator,
                script: "printf %s '\(text)' | wc -c\nexit 5\n"
            )
            #expect(result.status == 5, "\(result.errors)")
            #expect(result.output == "\(text.utf8.count)\n")
        }

        /// It costs time, and no more. /proc takes no folders.
        @Test(arguments: accelerators)
        func withoutACache(accelerator: String) throws {
            let environment = try VMEnvironment.shared.get()
            let folder = try environment.userFolder()
            let result = try environment.shell(
                in: folder,
                accelerator,
                script: "exit 9",
                variables: ["XDG_CACHE_HOME": "/proc"]
            )
            #expect(result.status == 9, "\(result.errors)")
            #expect(
                result.errors.contains("cannot use the cache folder /proc/builddisks"),
                "\(result.errors)"
            )
            #expect(try leftovers(folder.path) == [])
        }

        @Test(arguments: accelerators)
        func theEndOfTheInputEndsIt(accelerator: String) throws {
            let environment = try VMEnvironment.shared.get()
            let folder = try environment.userFolder()
            let result = try environment.shell(in: folder, accelerator, script: "")
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output == "")
            #expect(try leftovers(folder.path) == [])
        }
    }
}

extension VMEnvironment {
    /// Types commands once there is a prompt, prints what the terminal showed, exits as it does.
    private static let typist = """
        import fcntl, os, pty, select, struct, sys, termios, time
        pid, terminal = pty.fork()
        if pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 31, 97, 0, 0))
            os.execvp(sys.argv[2], sys.argv[2:])
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

    /// `builddisks shell`, which reads this script from a pipe; ended where it does not end.
    /// - Parameter redirection: of its output, as a shell has it.
    func shell(
        in folder: ScratchFolder,
        _ accelerator: String,
        script: String,
        redirection: String = "",
        variables: [String: String?] = [:]
    ) throws -> CommandResult {
        try runCommand(
            OrdinaryUser.prefix + [
                "/bin/sh", "-c", #"printf %s "$0" | timeout 120 "$@" "# + redirection, script,
                builddisks, "shell", "--repo", repository, "--ref", Self.ref, "--accel",
                accelerator,
            ],
            environment: userVariables(folder).merging(variables) { $1 }
        )
    }
}
