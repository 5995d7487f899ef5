import CLinux

/// The index of a descriptor that can be read (or has hung up), nil when none could within
/// `milliseconds` (-1: without limit). The first in the list wins. The C function is `poll`.
package func pollReadable(_ descriptors: [CInt], milliseconds: CInt) -> Int? {
    var polled = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    let deadline = monotonicSeconds() + Double(milliseconds) / 1000
    var rest = milliseconds
    while true {
        let ready = unsafe poll(&polled, nfds_t(polled.count), rest)
        if ready > 0 { return polled.firstIndex { $0.revents != 0 } }
        if ready == 0 { return nil }
        // Interrupted: wait for what is left.
        if milliseconds >= 0 {
            rest = CInt(max(0, (deadline - monotonicSeconds()) * 1000))
        }
    }
}
