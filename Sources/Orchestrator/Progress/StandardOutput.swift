import CLinux
import Synchronization
import SystemIO
import SystemPackage

/// Lines on standard output. Work goes on when they cannot be written (a full disk, a reader that has
/// gone), but it did not succeed as whoever reads them was promised.
package enum StandardOutput {
    private static let firstFailure = Mutex<Errno?>(nil)

    static func writeLine(_ text: String) {
        do throws(Errno) {
            try writeAll(STDOUT_FILENO, (text + "\n").utf8)
        } catch {
            firstFailure.withLock { if $0 == nil { $0 = error } }
        }
    }

    /// Throws when a line was lost.
    package static func check() throws(BuildError) {
        guard let errno = firstFailure.withLock({ $0 }) else { return }
        var error = failure(errno)
        error.hint = "What was built is published all the same."
        throw error
    }

    static func failure(_ errno: Errno) -> BuildError {
        var error = BuildError(.host, "cannot write to standard output: \(errno)")
        error.errno = errno
        return error
    }
}
