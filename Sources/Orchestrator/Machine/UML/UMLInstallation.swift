import Bootstrap
import SystemIO
import SystemPackage

/// What the host's package `user-mode-linux` holds: a kernel that is an ordinary program, and its
/// modules.
struct UMLInstallation: Sendable {
    let program: FilePath
    /// As `uname -r` in the guest.
    let version: String
    /// Holds modules.dep.
    let modules: FilePath

    static let programName = "linux.uml"
    static let storageDaemon = "qemu-storage-daemon"
    static let remedy = "apt install user-mode-linux qemu-utils"

    /// - Throws: `.host`, with the remedy, when a part is missing.
    static func find() throws(BuildError) -> UMLInstallation {
        guard let program = findProgram(programName) else {
            throw BuildError(.host, "no \(programName) in PATH", hint: remedy)
        }
        guard findProgram(storageDaemon) != nil else {
            throw BuildError(.host, "no \(storageDaemon) in PATH", hint: remedy)
        }
        let output: CommandOutput
        do throws(Errno) {
            let launcher = FilePath(try symlinkTarget("/proc/self/exe"))
            output = try CommandOutput(launcher: launcher, program, ["--version"])
        } catch {
            throw BuildError(.host, "cannot start \(program): \(error)", hint: remedy)
        }
        guard output.exit.isSuccess, let version = output.lines.last, !version.contains("/") else {
            throw BuildError(
                .host,
                "\(program) does not tell its version: \(output.exit.description)",
                hint: remedy,
                details: output.lines
            )
        }
        let prefix = program.removingLastComponent().removingLastComponent()
        let folders = [prefix.appending("lib/uml/modules"), "/usr/lib/uml/modules"]
            .map { $0.appending(version) }
        guard let modules = folders.first(where: { fileExists($0.appending("modules.dep")) })
        else {
            throw BuildError(.host, "no modules of \(program) in \(folders[0])", hint: remedy)
        }
        return UMLInstallation(program: program, version: version, modules: modules)
    }

    /// Everything that a start needs and that can be looked at before.
    /// - Parameters:
    ///   - memory: of the guest, in MiB.
    ///   - folder: for the guest's memory, if it will do.
    /// - Returns: with where the guest's memory goes.
    /// - Throws: `.host`.
    static func examine(
        memory: Int,
        in folder: FilePath
    ) throws(BuildError) -> (installation: UMLInstallation, memory: FilePath) {
        let installation = try find()
        let place = try GuestMemory.folder(preferring: folder, size: memory)
        if let obstacle = obstacleToTracing {
            throw BuildError(.host, obstacle, hint: "sysctl kernel.yama.ptrace_scope=1")
        }
        return (installation, place)
    }

    /// Yama's restriction of ptrace (Documentation/admin-guide/LSM/Yama.rst): from 2 on a process may
    /// not even trace its own children. Other filters show when a machine is started.
    private static var obstacleToTracing: String? {
        let bytes = (try? readFile("/proc/sys/kernel/yama/ptrace_scope", limit: 64)) ?? []
        let text = String(decoding: bytes, as: UTF8.self).filter { $0.isNumber }
        guard let scope = Int(text), scope >= 2 else { return nil }
        return "kernel.yama.ptrace_scope is \(scope): no process may trace its children"
    }

    /// The kernel with its modules.
    var kernel: HostKernel { HostKernel(program: program, version: version, modules: modules) }
}
