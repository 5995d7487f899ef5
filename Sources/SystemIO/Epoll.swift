import CLinux
package import SystemPackage

/// Waits for many descriptors at once. The C functions are `epoll_create1`, `epoll_ctl` and
/// `epoll_wait`. Safe from any thread.
package struct Epoll: ~Copyable, Sendable {
    private let descriptor: OwnedFD

    package init() throws(Errno) {
        descriptor = OwnedFD(try syscall { epoll_create1(CInt(EPOLL_CLOEXEC)) })
    }

    /// Watches `fd` for `events` (EPOLLIN…, level-triggered unless EPOLLET is given); `token` comes
    /// back with each event.
    package func add(_ fd: CInt, _ events: UInt32, token: UInt64) throws(Errno) {
        try control(EPOLL_CTL_ADD, fd, events, token)
    }

    package func modify(_ fd: CInt, _ events: UInt32, token: UInt64) throws(Errno) {
        try control(EPOLL_CTL_MOD, fd, events, token)
    }

    package func remove(_ fd: CInt) throws(Errno) {
        try control(EPOLL_CTL_DEL, fd, 0, 0)
    }

    private func control(
        _ operation: CInt,
        _ fd: CInt,
        _ events: UInt32,
        _ token: UInt64
    ) throws(Errno) {
        try syscall { clinux_epoll_ctl(descriptor.rawValue, operation, fd, events, token) }
    }

    /// Waits at most `milliseconds` (-1 without limit) and passes each event's token and bits.
    /// - Returns: how many events there were; 0 after the time limit.
    @discardableResult
    package func wait(
        milliseconds: CInt = -1,
        _ body: (_ token: UInt64, _ events: UInt32) -> Void
    ) throws(Errno) -> Int {
        var ready = InlineArray<16, clinux_epoll_event>(repeating: clinux_epoll_event())
        var span = ready.mutableSpan
        // SAFETY: the call writes at most `count` elements of the buffer it is lent.
        let count = try unsafe span.withUnsafeMutableBufferPointer { buffer throws(Errno) in
            try syscall {
                unsafe clinux_epoll_wait(
                    descriptor.rawValue,
                    buffer.baseAddress,
                    CInt(buffer.count),
                    milliseconds
                )
            }
        }
        for index in 0..<Int(count) { body(ready[index].token, ready[index].events) }
        return Int(count)
    }
}
