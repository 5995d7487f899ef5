import CLinux
import Synchronization
package import SystemPackage

/// A thread that lives as long as the process and runs one job after another.
///
/// PR_SET_PDEATHSIG fires when the *thread* that started a child ends, so children which are to die
/// with the process are started here and nowhere else.
package final class ImmortalThread: Sendable {
    private struct State: Sendable {
        var jobs: [@Sendable () -> Void] = []
    }
    private let state = Mutex(State())
    private let wake: SharedFD

    package init() throws(Errno) {
        wake = SharedFD(
            OwnedFD(try syscall { eventfd(0, CInt(EFD_CLOEXEC) | CInt(EFD_SEMAPHORE)) })
        )
        try startThread(named: "immortal") { self.run() }
    }

    /// Runs `job` on the thread and waits for its result.
    package func sync<Value: Sendable>(_ job: @escaping @Sendable () -> Value) -> Value {
        let done = Latch<Value>()
        state.withLock { $0.jobs.append { done.set(job()) } }
        var one: UInt64 = 1
        unsafe withUnsafeBytes(of: &one) { _ = unsafe write(wake.rawValue, $0.baseAddress, 8) }
        return done.wait()
    }

    private func run() {
        while true {
            var count: UInt64 = 0
            _ = unsafe withUnsafeMutableBytes(of: &count) {
                unsafe read(wake.rawValue, $0.baseAddress, 8)
            }
            let job = state.withLock { $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() }
            job?()
        }
    }
}

/// A value that one thread sets once and others wait for.
package final class Latch<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)
    private let ready: SharedFD

    package init() {
        ready = SharedFD(OwnedFD(eventfd(0, CInt(EFD_CLOEXEC))))
    }

    package func set(_ new: Value) {
        value.withLock { if $0 == nil { $0 = new } }
        var one: UInt64 = 1
        unsafe withUnsafeBytes(of: &one) { _ = unsafe write(ready.rawValue, $0.baseAddress, 8) }
    }

    /// Waits without limit.
    package func wait() -> Value {
        // In slices: without a descriptor left for `ready` nothing would wake the poll.
        while true {
            if let value = wait(milliseconds: 1000) { return value }
        }
    }

    /// Waits at most `milliseconds` (-1: without limit); nil when nothing was set by then.
    package func wait(milliseconds: Int32) -> Value? {
        if let value = value.withLock({ $0 }) { return value }
        var descriptor = pollfd(fd: ready.rawValue, events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&descriptor, 1, milliseconds)
        return value.withLock { $0 }
    }
}
