import CLinux
package import SystemPackage

/// A thread of the operating system, for loops that block in system calls: those must not hold a
/// thread of Swift's concurrency pool. The C functions are `pthread_create` and `pthread_join`.
package struct Thread: Sendable {
    private let handle: pthread_t

    private final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Starts `body` on a new thread. `name` is cut to the kernel's 15 bytes.
    package init(name: String, _ body: @escaping @Sendable () -> Void) throws(Errno) {
        let start = unsafe Unmanaged.passRetained(Start(body))
        var handle = pthread_t()
        let opaque = unsafe start.toOpaque()
        let code = unsafe pthread_create(
            &handle,
            nil,
            { argument in
                // SAFETY: `argument` is the reference retained above, taken over once.
                unsafe Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue().body()
                return nil
            },
            opaque
        )
        if code != 0 {
            unsafe start.release()
            throw Errno(rawValue: code)
        }
        _ = unsafe pthread_setname_np(handle, String(decoding: name.utf8.prefix(15), as: UTF8.self))
        self.handle = handle
    }

    /// Waits for the thread's end; to be called at most once.
    package func join() { _ = pthread_join(handle, nil) }

    /// Whether the caller runs on this thread.
    package var isCurrent: Bool { pthread_equal(handle, pthread_self()) != 0 }
}
