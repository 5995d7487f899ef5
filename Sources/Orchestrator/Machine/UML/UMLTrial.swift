import CLinux
import SystemIO
import SystemPackage

/// Starts User-mode Linux with nothing to do, up to the point where it misses a root file system:
/// whether this host lets it map its memory and trace its processes shows there, in a second.
enum UMLTrial {
    /// What the kernel says when all else has worked.
    private static let arrival = "Unable to mount root fs"
    private static let memory = 64

    /// - Throws: `.host`, with its last lines, when it does not come that far.
    static func run(
        _ installation: UMLInstallation,
        in folder: PrivateFolder,
        launcher: FilePath
    ) throws(BuildError) {
        let log = folder.path.appending("trial")
        let place = try GuestMemory.folder(preferring: folder.path, size: memory)
        let process: ChildProcess
        do throws(Errno) {
            let output = try OwnedFD.open(log, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
            process = try ChildProcess.start(
                launcher: launcher,
                installation.program,
                [
                    "mem=\(memory)M", "uml_dir=\(folder.path)/", "umid=trial", "con=null",
                    "con0=null,fd:1", "ssl=null", "panic=-1", "ubd0=/dev/null",
                ],
                environment: ["TMPDIR": place.string],
                supervision: Supervision(
                    confinement: UMLMachine.confinement(
                        [launcher, installation.program],
                        writable: [folder.path, place]
                    )
                ),
                standardOutput: output.rawValue,
                standardError: output.rawValue
            )
        } catch {
            throw BuildError(.host, "cannot start \(installation.program): \(error)")
        }
        let exit = process.wait(milliseconds: 20_000)
        process.terminate()
        let lines = lastLines(of: log, count: 200)
        if lines.contains(where: { $0.contains(arrival) }) { return }
        throw BuildError(
            .host,
            "\(installation.program) does not work here: "
                + (exit.map(\.description) ?? "it hangs"),
            hint: "In a container it needs ptrace of its own children (seccomp) and a folder "
                + "without noexec for its memory (TMPDIR).",
            details: Array(lines.suffix(20))
        )
    }
}
