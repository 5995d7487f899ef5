/// What the guest runs for a shell on its console: a script for any /bin/sh, with the commit's own programs.
struct ShellScript {
    /// Who types.
    enum Typist {
        /// A person. The size is nil where the terminal does not know it.
        case terminal(size: (rows: Int, columns: Int)?)
        /// A file or pipe: nobody wants a prompt, or to see what was typed.
        case file
    }

    let command: [String]

    /// Around what is the shell's on the console.
    static let marks = MarkedOutput.Marks(
        begin: Array("\u{1}builddisks shell\u{2}".utf8),
        end: Array("\u{1}builddisks shell\u{3}".utf8)
    )

    /// - Parameter terminal: the console's device.
    init(terminal: String, typist: Typist) {
        let (settings, shell) =
            switch typist {
            case .terminal(let size?):
                ("rows \(size.rows) cols \(size.columns)", Self.interactiveShell)
            case .terminal: ("sane", Self.interactiveShell)
            // On a terminal only one that has its commands from a named file takes them for a script.
            // Every byte of the script is its own, but Ctrl-D, as which its end is typed.
            case .file:
                (
                    "-echo -onlcr -icrnl -ixon -isig -iexten erase undef kill undef",
                    #"/bin/sh "$0""#
                )
            }
        // The shell is not the session's leader: at the leader's end the kernel throws away what the terminal
        // has not sent, so that has to be waited for (stty does). Killed, the shell leaves the terminal to its
        // own process group, from where the leader must not be stopped. The marks are written as printf reads
        // them, since the agent shows its commands on the console, too.
        let session = #"""
            stty \#(settings) 2>/dev/null
            printf '\001builddisks shell\002'
            trap : INT QUIT
            \#(shell)
            status=$?
            trap '' TTOU
            printf '\001builddisks shell\003'
            stty sane 2>/dev/null || sleep 1
            exit $status
            """#
        // No `exec`: setsid, as the leader of its group, would not wait for the session's end.
        let outer = #"""
            if command -v setsid >/dev/null
            then setsid -c /bin/sh -c "$1" "$0" <>"$0" >&0 2>&0
            else /bin/sh -c "$1" "$0" <>"$0" >&0 2>&0
            fi
            exit $?
            """#
        command = ["/bin/sh", "-c", outer, terminal, session]
    }

    private static let interactiveShell = "/bin/sh -i"
}
