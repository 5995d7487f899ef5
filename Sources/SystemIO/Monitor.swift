import CLinux

/// State that threads change and wait for. The C functions are `pthread_mutex_lock`,
/// `pthread_cond_wait`, `pthread_cond_clockwait` and `pthread_cond_broadcast`.
@safe package final class Monitor<State>: @unchecked Sendable {
    // SAFETY: `state` is only touched while `mutex` is held; both C objects stay at their addresses
    // until deinit.
    private var state: State
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    package init(_ state: sending State) {
        self.state = state
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(changed, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(changed)
        unsafe pthread_mutex_destroy(mutex)
        unsafe changed.deallocate()
        unsafe mutex.deallocate()
    }

    /// Changes the state and wakes all who wait. `body` must not come back here.
    package func update<Value>(_ body: (inout State) -> Value) -> Value {
        locked { body(&state) }
    }

    /// Waits until `body`, asked after every change, gives a value. It may change the state.
    package func wait<Value>(for body: (inout State) -> Value?) -> Value {
        locked {
            while true {
                if let value = body(&state) { return value }
                unsafe pthread_cond_wait(changed, mutex)
            }
        }
    }

    /// As `wait(for:)`, but nil after so many seconds.
    package func wait<Value>(seconds: Int, for body: (inout State) -> Value?) -> Value? {
        var end = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &end)
        end.tv_sec += seconds
        return locked {
            while true {
                if let value = body(&state) { return value }
                let code = unsafe pthread_cond_clockwait(changed, mutex, CLOCK_MONOTONIC, &end)
                if code == ETIMEDOUT { return body(&state) }
            }
        }
    }

    /// What may have changed the state, so that all who wait look again.
    private func locked<Value>(_ body: () -> Value) -> Value {
        unsafe pthread_mutex_lock(mutex)
        defer {
            unsafe pthread_cond_broadcast(changed)
            unsafe pthread_mutex_unlock(mutex)
        }
        return body()
    }
}
