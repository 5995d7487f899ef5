import CLinux
package import SystemPackage

/// Runs one system call, again while it is interrupted, and throws its `errno` on failure.
///
/// Every system call of the project goes through here, so that EINTR has one meaning.
/// - Parameter body: returns -1 (any negative value) and leaves `errno` on failure.
@discardableResult
package func syscall<Result: SignedInteger>(
    retryOnInterrupt: Bool = true,
    _ body: () -> Result
) throws(Errno) -> Result {
    while true {
        let result = body()
        if result >= 0 { return result }
        let code = Errno(rawValue: clinux_errno())
        if code == .interrupted && retryOnInterrupt { continue }
        throw code
    }
}
