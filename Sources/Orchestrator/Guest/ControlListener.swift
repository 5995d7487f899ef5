import CLinux
package import SystemIO
package import SystemPackage

/// Where a byte stream of the guest's is expected: the control protocol's or the console's.
package protocol ControlEndpoint: Sendable {
    /// The stream, or nil when the guest's end has not come within `milliseconds`.
    func accept(milliseconds: CInt) throws(BuildError) -> SharedFD?
}

/// A unix stream socket on which the machine (QEMU: a chardev in client mode) is expected to call.
package struct ControlListener: ControlEndpoint {
    private let socket: SharedFD

    package init(_ path: FilePath) throws(BuildError) {
        do throws(Errno) {
            socket = SharedFD(try UnixSocket.listen(at: path))
        } catch {
            throw .system(error, "cannot listen on", path)
        }
    }

    package func accept(milliseconds: CInt) throws(BuildError) -> SharedFD? {
        guard pollReadable([socket.rawValue], milliseconds: milliseconds) != nil else { return nil }
        do throws(Errno) {
            return SharedFD(try UnixSocket.accept(socket.rawValue))
        } catch {
            throw BuildError(.fault, "accept on the control socket: \(error)")
        }
    }
}
