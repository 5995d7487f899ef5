import CLinux
import SystemIO
package import SystemPackage

/// Our own programs, found beside the running one.
package struct Tools: Sendable {
    /// The running executable: also the launcher of child processes.
    package let launcher: FilePath
    /// The static PID 1 of the bootstrap VM.
    package let agent: FilePath

    package static let agentName = "builddisks-agent"

    init(launcher: FilePath, agent: FilePath) {
        (self.launcher, self.agent) = (launcher, agent)
    }

    /// - Throws: `.host` when the agent is neither beside the program nor in `../libexec/builddisks`.
    package init() throws(BuildError) {
        let program: FilePath
        do throws(Errno) {
            program = FilePath(try symlinkTarget("/proc/self/exe"))
        } catch {
            throw BuildError(.host, "/proc/self/exe: \(error)", hint: "Mount /proc.")
        }
        let folder = program.removingLastComponent()
        let places = [
            folder.appending(Self.agentName),
            folder.removingLastComponent().appending("libexec/builddisks/\(Self.agentName)"),
        ]
        guard let agent = places.first(where: { mayAccess($0, R_OK) }) else {
            throw BuildError(
                .host,
                "\(Self.agentName) is missing",
                hint: "Put it beside \(program), or into ../libexec/builddisks."
            )
        }
        self.agent = agent
        launcher = program
    }
}
