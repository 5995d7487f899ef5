import CLinux

/// Processors that this process may use. The C function is `sched_getaffinity`.
package func processorCount() -> Int {
    var set = cpu_set_t()
    guard unsafe sched_getaffinity(0, MemoryLayout<cpu_set_t>.size, &set) == 0 else { return 1 }
    return unsafe withUnsafeBytes(of: &set) { unsafe $0.reduce(0) { $0 + $1.nonzeroBitCount } }
}

/// Keeps the calling thread, and what it starts, on the processor that it runs on. It only saves time, so
/// that a failure is none. The C functions are `sched_getcpu` and `sched_setaffinity`.
func stayOnThisProcessor() {
    let number = Int(sched_getcpu())
    guard number >= 0 else { return }
    var set = cpu_set_t()
    // SAFETY: a set of bits, of which processors beyond its end have none.
    unsafe withUnsafeMutableBytes(of: &set) { bits in
        if number / 8 < bits.count { unsafe bits[number / 8] |= 1 << (number % 8) }
    }
    _ = unsafe sched_setaffinity(0, MemoryLayout<cpu_set_t>.size, &set)
}

/// From now on the calling thread runs where nothing else wants to. The C function is `setpriority`.
package func yieldToOthers() {
    _ = setpriority(PRIO_PROCESS, id_t(clinux_gettid()), 19)
}
