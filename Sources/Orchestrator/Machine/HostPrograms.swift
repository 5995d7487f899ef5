import CLinux
import SystemIO
package import SystemPackage

/// Looks for a program in PATH, and in the system folders that an ordinary user's PATH may lack.
package func findProgram(_ name: String) -> FilePath? {
    if name.contains("/") { return isExecutable(FilePath(name)) ? FilePath(name) : nil }
    let path = environmentValue("PATH") ?? "/usr/local/bin:/usr/bin:/bin"
    for folder in path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin"] {
        let candidate = FilePath(folder).appending(name)
        if isExecutable(candidate) { return candidate }
    }
    return nil
}

private func isExecutable(_ path: FilePath) -> Bool {
    (try? FileStatus(path))?.kind == .regular && mayAccess(path, X_OK)
}

/// Differs between two versions of a program: what was found out with one need not hold for the other.
/// Empty where it is missing.
func programIdentity(_ name: String) -> String {
    findProgram(name).flatMap { try? FileStatus($0) }
        .map { "\($0.inode):\($0.size):\($0.modified)" } ?? ""
}
