package import GuestProtocol
package import SystemPackage

extension Failure {
    /// A system call of that step has failed.
    package init(_ error: Errno, step: String, subject: String = "") {
        self.init(.systemCall, step: step, subject: subject, errno: error.rawValue)
    }

    /// Runs system calls of one step and names the step when one of them fails.
    package static func naming<Value: ~Copyable>(
        _ step: String,
        _ subject: String = "",
        _ body: () throws(Errno) -> Value
    ) throws(Failure) -> Value {
        do throws(Errno) {
            return try body()
        } catch {
            throw Failure(error, step: step, subject: subject)
        }
    }

    /// As `description`, in one line and with the errno's text.
    package var lineForConsole: String {
        let line = String(description.prefix(300).map { $0.isNewline ? " " : $0 })
        return errno == 0 ? line : "\(line) (\(Errno(rawValue: errno)))"
    }

    /// The command as far as a message needs it; a request may hold far more.
    static func abridged(_ command: [String]) -> [String] {
        command.prefix(32).map { String($0.prefix(256)) }
    }
}
