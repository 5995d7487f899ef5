import CLinux
package import SystemIO
package import SystemPackage

/// Where a byte stream of the guest's is expected: the control protocol's or the console's.
package protocol ControlEndpoint: Sendable {
    /// The stream, or nil when the guest's end has not come within `milliseconds`.
    func accept(milliseconds: CInt) throws(BuildError) -> SharedFD?
}

extension ControlEndpoint {
    /// QEMU calls at its start, User-mode Linux's agent when it runs; short waits tell an early death
    /// from a slow host.
    func connection(
        of machine: any Machine,
        _ cancellation: Cancellation
    ) throws(BuildError) -> SharedFD {
        for _ in 0..<150 {
            try cancellation.check()
            if let descriptor = try accept(milliseconds: 200) { return descriptor }
            if let exit = machine.wait(milliseconds: 0) {
                throw BuildError(
                    .host,
                    "\(machine.name) ended at its start: \(exit.description)",
                    details: machine.errorOutput + machine.consoleTail.suffix(10)
                )
            }
        }
        throw BuildError(
            .host,
            "\(machine.name) did not start within 30 s",
            details: machine.errorOutput
        )
    }
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
