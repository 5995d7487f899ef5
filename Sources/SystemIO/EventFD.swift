import CLinux
package import SystemPackage

/// A counter that wakes a waiting thread. The C function is `eventfd`; non-blocking, close-on-exec.
package final class EventFD: Sendable {
    private let descriptor: OwnedFD

    package init() throws(Errno) {
        descriptor = OwnedFD(try syscall { eventfd(0, CInt(EFD_CLOEXEC) | CInt(EFD_NONBLOCK)) })
    }

    package var rawValue: CInt { descriptor.rawValue }

    /// Wakes whoever waits. A full counter is as good as a written one, so errors do not matter.
    package func signal() { _ = eventfd_write(descriptor.rawValue, 1) }

    /// Resets the counter, so that the descriptor is no longer readable.
    package func drain() {
        var value: eventfd_t = 0
        _ = unsafe eventfd_read(descriptor.rawValue, &value)
    }
}
