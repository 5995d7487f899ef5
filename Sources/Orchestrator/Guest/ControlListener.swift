import CLinux
package import SystemIO
package import SystemPackage

/// A unix stream socket on which QEMU (a chardev in client mode) is expected to call once.
package struct ControlListener: ~Copyable {
    private let socket: OwnedFD

    package init(_ path: FilePath) throws(BuildError) {
        do throws(Errno) {
            socket = try UnixSocket.listen(at: path)
        } catch {
            throw .system(error, "cannot listen on", path)
        }
    }

    /// The connection, or nil when none came within `milliseconds`.
    package func accept(milliseconds: CInt) throws(BuildError) -> SharedFD? {
        guard pollReadable([socket.rawValue], milliseconds: milliseconds) != nil else { return nil }
        do throws(Errno) {
            return SharedFD(try UnixSocket.accept(socket.rawValue))
        } catch {
            throw BuildError(.fault, "accept on the control socket: \(error)")
        }
    }
}
